// SPDX-License-Identifier: Apache-2.0
#include "RegistryProcess.h"

#include "support/FreePorts.h"

#include <sstream>
#include <stdexcept>

namespace wasmproxy::test {

RegistryProcess::RegistryProcess(const Options& options) : _options(options), _port(freePort()) {}

void RegistryProcess::start() {
    std::ostringstream out;
    out << "version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\n"
        << "storage:\n  filesystem: {rootdirectory: '" << _options.storage << "'}\n  delete: {enabled: true}\n"
        << "http: {addr: '127.0.0.1:" << _port << "', secret: only-for-tests}\n";
    if (!_options.tokenRealm.empty())
        out << "auth:\n  token: {realm: '" << _options.tokenRealm << "', service: '" << _options.tokenService
            << "', issuer: '" << _options.tokenIssuer << "', rootcertbundle: '" << _options.tokenCertificates << "'}\n";
    if (!_options.remote.empty())
        out << "proxy: {remoteurl: '" << _options.remote << "', username: '" << _options.user << "', password: '"
            << _options.password << "'}\n";
    Child::Options options;
    options.outputFile = _folder / "log";
    _child = std::make_unique<Child>(
        "docker-registry", std::vector<std::string>{"serve", _folder.write("config.yml", out.str())}, options);
    if (!_child->waitForPort(_port))
        throw std::runtime_error("docker-registry does not start: " + readFile(_folder / "log"));
}

void RegistryProcess::stop() {
    if (_child) _child->terminate();
    _child.reset();
}

void RegistryProcess::kill() {
    if (_child) _child->kill();
    _child.reset();
}

void RegistryProcess::use(const std::string& user, const std::string& password) {
    _options.user = user;
    _options.password = password;
}

} // namespace wasmproxy::test
