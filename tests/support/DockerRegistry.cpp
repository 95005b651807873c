// SPDX-License-Identifier: Apache-2.0
#include "support/DockerRegistry.h"

#include "support/FreePorts.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace wasmproxy::test {
namespace {

LoggedRequest::Kind kindOf(const std::string& target) {
    const std::string path = target.substr(0, target.find('?'));
    if (path == "/v2/") return LoggedRequest::Kind::Base;
    if (path.find("/manifests/") != std::string::npos) return LoggedRequest::Kind::Manifests;
    if (path.find("/blobs/") != std::string::npos) return LoggedRequest::Kind::Blobs;
    return LoggedRequest::Kind::Other;
}

/// `127.0.0.1 - user [date] "GET /v2/ HTTP/1.1" 200 2 "" "agent"`; everything else in the log is JSON.
bool parse(const std::string& line, LoggedRequest& request) {
    const auto begin = line.find("] \"");
    if (line.empty() || line[0] == '{' || begin == std::string::npos) return false;
    const auto end = line.find('"', begin + 3);
    if (end == std::string::npos) return false;
    std::istringstream first(line.substr(begin + 3, end - begin - 3));
    std::istringstream rest(line.substr(end + 1));
    if (!(first >> request.method >> request.target) || !(rest >> request.status)) return false;
    const auto last = line.rfind('"');
    const auto agent = line.rfind('"', last - 1);
    request.userAgent = line.substr(agent + 1, last - agent - 1);
    request.kind = kindOf(request.target);
    return true;
}

} // namespace

DockerRegistry::DockerRegistry(const Options& options) : _port(freePort()), _log(_folder / "log") {
    if (!options.users.empty()) setUsers(options.users);
    _configuration = _folder.write("config.yml", configuration(options));
    _folder.write("log", "");
    start();
}

std::string DockerRegistry::configuration(const Options& options) const {
    std::ostringstream out;
    out << "version: 0.1\n"
        << "log: {accesslog: {disabled: false}, level: info, formatter: json}\n"
        << "storage:\n  filesystem: {rootdirectory: '" << (_folder / "data") << "'}\n  delete: {enabled: true}\n"
        << "http:\n  addr: '127.0.0.1:" << _port << "'\n  secret: only-for-tests\n";
    if (!options.certificate.empty())
        out << "  tls: {certificate: '" << options.certificate << "', key: '" << options.key << "'"
            << (options.clientAuthority.empty() ? "" : ", clientcas: ['" + options.clientAuthority + "']") << "}\n";
    if (!options.tokenRealm.empty())
        out << "auth:\n  token: {realm: '" << options.tokenRealm << "', service: '" << options.tokenService
            << "', issuer: '" << options.tokenIssuer << "', rootcertbundle: '" << options.tokenCertificates << "'}\n";
    else if (!options.users.empty())
        out << "auth:\n  htpasswd: {realm: '" << options.realm << "', path: '" << (_folder / "htpasswd") << "'}\n";
    return out.str();
}

void DockerRegistry::setUsers(const std::vector<std::pair<std::string, std::string>>& users) {
    std::string lines;
    for (const auto& [user, password] : users)
        lines += run("htpasswd", {"-Bbn", "-C", "4", user, password});
    const auto aside = _folder.write("htpasswd.new", lines); // a registry that runs never sees half of it
    if (std::rename(aside.c_str(), (_folder / "htpasswd").c_str()) != 0)
        throw std::runtime_error("cannot replace htpasswd");
}

void DockerRegistry::start() {
    if (_child) return;
    Child::Options options;
    options.outputFile = _log;
    _child = std::make_unique<Child>("docker-registry", std::vector<std::string>{"serve", _configuration}, options);
    if (!_child->waitForPort(_port)) throw std::runtime_error("docker-registry does not start: " + log());
}

void DockerRegistry::stop() {
    if (_child) _child->terminate();
    _child.reset();
}

/// The registry answers first and logs then.
std::string DockerRegistry::settledLog() const {
    constexpr std::chrono::milliseconds Quiet{50};
    std::string text = log();
    for (int tries = 0; tries < 40; ++tries) {
        std::this_thread::sleep_for(Quiet);
        std::string later = log();
        if (later.size() == text.size()) break;
        text = std::move(later);
    }
    return text;
}

std::vector<LoggedRequest> DockerRegistry::requests() const {
    std::vector<LoggedRequest> result;
    std::istringstream lines(settledLog().substr(_forgotten));
    LoggedRequest request;
    for (std::string line; std::getline(lines, line);) {
        if (parse(line, request)) result.push_back(request);
    }
    return result;
}

std::size_t DockerRegistry::count(const std::string& method, LoggedRequest::Kind kind, int status) const {
    const auto all = requests();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const LoggedRequest& request) {
        return (method.empty() || request.method == method) && request.kind == kind &&
               (status == 0 || request.status == status);
    }));
}

void DockerRegistry::forget() {
    _forgotten = settledLog().size();
}

} // namespace wasmproxy::test
