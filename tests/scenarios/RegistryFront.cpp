// SPDX-License-Identifier: Apache-2.0
#include "RegistryFront.h"

#include "support/AnsweredBy.h"
#include "support/Base64.h"
#include "support/FreePorts.h"

#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>

#include <algorithm>
#include <sstream>

namespace wasmproxy::test {
namespace {

/// A JWT, but for the signature, which only its issuer reads.
std::string tokenOf(const std::string& subject) {
    return base64Url(R"({"typ":"JWT","alg":"RS256"})") + "." +
           base64Url(R"({"iss":"tests","sub":")" + subject + R"("})") + ".c2lnbmF0dXJl";
}

/// "/v2/team/x/manifests/v1" -> "team/x"
std::string repositoryOf(const std::string& target) {
    const auto end = std::min(target.rfind("/manifests/"), target.rfind("/blobs/"));
    return target.size() < 4 || end == std::string::npos ? std::string() : target.substr(4, end - 4);
}

RegistryFront::Answer error(int status, const std::string& code, const std::string& message) {
    return {status,
            {{"Content-Type", "application/json"}},
            R"({"errors":[{"code":")" + code + R"(","message":")" + message + "\"}]}\n"};
}

} // namespace

RegistryFront::RegistryFront(Kind kind, int behind, std::string user, std::string password)
    : _kind(kind), _behind(behind), _user(std::move(user)), _password(std::move(password)), _port(freePort()) {
    auto* parameters = new Poco::Net::HTTPServerParams; // Poco counts its references
    parameters->setMaxThreads(16);
    parameters->setKeepAlive(false);
    Poco::Net::ServerSocket socket(Poco::Net::SocketAddress("127.0.0.1", static_cast<Poco::UInt16>(_port)));
    _server = std::make_unique<Poco::Net::HTTPServer>(new AnsweredBy<RegistryFront>(*this), socket, parameters);
    _server->start();
}

RegistryFront::~RegistryFront() {
    _server->stopAll(true);
}

void RegistryFront::rule(Rule rule) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _rule = std::move(rule);
}

std::vector<RegistryFront::Request> RegistryFront::requests() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _requests;
}

std::size_t RegistryFront::count(const std::string& method, const std::string& targetPart) const {
    const auto all = requests();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Request& each) {
        return each.method == method && each.target.find(targetPart) != std::string::npos;
    }));
}

void RegistryFront::forget() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _requests.clear();
}

void RegistryFront::answer(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) {
    const Request seen{request.getMethod(), request.getURI(), request.get("Authorization", "")};
    const auto reply = answerTo(seen);
    response.setStatus(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(reply.status));
    for (const auto& [name, value] : reply.headers)
        response.set(name, value);
    if (seen.method == "HEAD") {
        response.send();
    } else {
        response.sendBuffer(reply.body.data(), reply.body.size());
    }
}

RegistryFront::Answer RegistryFront::answerTo(const Request& request) {
    Rule rule;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _requests.push_back(request);
        rule = _rule;
    }
    if (request.target.find("/token?") != std::string::npos) return token(request);
    const bool known = request.authorization == "Bearer " + tokenOf(_user);
    if (!known) return challenge(request, false);
    if (repositoryOf(request.target).find("nothing") != std::string::npos) return challenge(request, true);
    Answer own;
    if (rule && rule(request, own)) return own;
    return pass(request);
}

RegistryFront::Answer RegistryFront::token(const Request& request) const {
    const bool right = request.authorization == "Basic " + base64(_user + ":" + _password);
    // Harbor refuses nobody here.
    if (!right && _kind == Kind::DockerHub && !request.authorization.empty())
        return {401, {{"Content-Type", "application/json"}}, R"({"details":"incorrect username or password"})"};
    const auto text = tokenOf(right ? _user : "");
    const std::string access = _kind == Kind::Harbor ? "" : text;
    return {200,
            {{"Content-Type", "application/json"}},
            R"({"token":")" + text + R"(","access_token":")" + access +
                R"(","expires_in":300,"issued_at":"2026-01-02T03:04:05Z"})"};
}

RegistryFront::Answer RegistryFront::challenge(const Request& request, bool known) const {
    auto reply = error(401, "UNAUTHORIZED",
                       _kind == Kind::Harbor ? "unauthorized to access repository" : "authentication required");
    const bool shown = !request.authorization.empty();
    std::string text;
    if (_kind == Kind::DockerHub) {
        text = R"(Bearer realm="http://localhost:)" + std::to_string(_port) +
               R"(/token",service="registry.docker.io",scope="repository:)" + repositoryOf(request.target) +
               R"(:pull")";
        if (shown) text += R"(,error="insufficient_scope")";
    } else if (!shown) {
        text = R"(Bearer realm=")" + endpoint() + R"(/service/token",service="harbor-registry",scope="repository:)" +
               repositoryOf(request.target) + R"(:pull")";
    } else if (!known) {
        text = R"(Basic realm="harbor")"; // and nothing at all for a project that is not there
    }
    reply.headers.push_back({"WWW-Authenticate", text});
    return reply;
}

RegistryFront::Answer RegistryFront::pass(const Request& request) const {
    HttpClient::Headers headers{{"Authorization", "Basic " + base64("robot:right")},
                                {"Accept", "application/vnd.oci.image.manifest.v1+json"}};
    const auto got = HttpClient(_behind).send(request.method, request.target, headers);
    Answer reply{got.status, {}, got.body};
    for (const char* name : {"Content-Type", "Content-Length", "Docker-Content-Digest"})
        if (!got.header(name).empty()) reply.headers.push_back({name, got.header(name)});
    return reply;
}

} // namespace wasmproxy::test
