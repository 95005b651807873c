// SPDX-License-Identifier: Apache-2.0
#include "support/TokenServer.h"

#include "support/AnsweredBy.h"
#include "support/Base64.h"
#include "support/FreePorts.h"

#include <Poco/DateTimeFormat.h>
#include <Poco/DateTimeFormatter.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/Net/HTTPBasicCredentials.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/URI.h>
#include <openssl/evp.h>
#include <sstream>
#include <stdexcept>

namespace wasmproxy::test {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

std::string textOf(const Object& object) {
    std::ostringstream out;
    object.stringify(out);
    return out.str();
}

std::string signature(EVP_PKEY* key, const std::string& text) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string result(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
    std::size_t size = result.size();
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(result.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1)
        throw std::runtime_error("cannot sign a token");
    result.resize(size);
    return result;
}

/// "repository:team/x:pull,push"
Object accessOf(const std::string& scope) {
    const auto first = scope.find(':');
    const auto last = scope.rfind(':');
    Array actions;
    std::istringstream list(scope.substr(last + 1));
    for (std::string action; std::getline(list, action, ',');)
        actions.add(action);
    Object access;
    access.set("type", scope.substr(0, first));
    access.set("name", scope.substr(first + 1, last - first - 1));
    access.set("actions", actions);
    return access;
}

} // namespace

TokenServer::TokenServer(const Options& options)
    : _options(options),
      _certificate({"token-signer.test"}),
      _certificateFile(_folder.write("certificate.pem", _certificate.pem(), 0644)),
      _port(freePort()) {
    auto* parameters = new Poco::Net::HTTPServerParams; // Poco counts its references
    parameters->setMaxThreads(16);
    parameters->setKeepAlive(false);
    Poco::Net::ServerSocket socket(Poco::Net::SocketAddress("127.0.0.1", static_cast<Poco::UInt16>(_port)));
    _server = std::make_unique<Poco::Net::HTTPServer>(new AnsweredBy<TokenServer>(*this), socket, parameters);
    _server->start();
}

TokenServer::~TokenServer() {
    _server->stopAll(true);
}

std::string TokenServer::realm(const std::string& host) const {
    return "http://" + host + ":" + std::to_string(_port) + "/token";
}

void TokenServer::fail(int status) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _failure = status;
}

void TokenServer::setPassword(const std::string& user, const std::string& password) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _options.users[user] = password;
}

int TokenServer::requests() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _requests;
}

int TokenServer::refusals() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _refusals;
}

std::vector<std::string> TokenServer::scopes() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _scopes;
}

bool TokenServer::accepts(const Poco::Net::HTTPServerRequest& request, std::string& user) const {
    if (!request.hasCredentials()) return _options.anonymous;
    const Poco::Net::HTTPBasicCredentials shown(request);
    user = shown.getUsername();
    const auto known = _options.users.find(user);
    return known != _options.users.end() && known->second == shown.getPassword();
}

void TokenServer::answer(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) {
    std::vector<std::string> scopes;
    std::string asked;
    for (const auto& [name, value] : Poco::URI(request.getURI()).getQueryParameters()) {
        if (name != "scope") continue;
        asked += (asked.empty() ? "" : " ") + value;
        std::istringstream list(value);
        for (std::string scope; list >> scope;)
            scopes.push_back(scope);
    }
    int status = 200;
    std::string body;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        ++_requests;
        _scopes.push_back(asked);
        std::string user;
        if (_failure != 0) {
            status = _failure;
        } else if (!accepts(request, user)) {
            status = 401;
            ++_refusals;
        } else {
            Object answer;
            const std::string text = token(user, scopes);
            answer.set("token", text);
            answer.set("access_token", text);
            answer.set("expires_in", _options.expiresIn);
            answer.set("issued_at",
                       Poco::DateTimeFormatter::format(Poco::Timestamp(), Poco::DateTimeFormat::ISO8601_FORMAT));
            body = textOf(answer);
        }
    }
    if (status != 200) body = R"({"errors":[{"code":"UNAUTHORIZED","message":"no token"}]})";
    if (status == 401) response.set("WWW-Authenticate", "Basic realm=\"token\"");
    response.setStatus(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status));
    response.setContentType("application/json");
    response.sendBuffer(body.data(), body.size());
}

std::string TokenServer::token(const std::string& user, const std::vector<std::string>& scopes) const {
    Array chain;
    chain.add(base64(_certificate.der()));
    Object header;
    header.set("typ", "JWT");
    header.set("alg", "RS256");
    header.set("x5c", chain);
    const auto now = static_cast<Poco::Int64>(Poco::Timestamp().epochTime());
    Array access;
    for (const auto& scope : scopes)
        if (_options.deniedPrefix.empty() || scope.find(":" + _options.deniedPrefix) == std::string::npos)
            access.add(accessOf(scope));
    Object claims;
    claims.set("iss", _options.issuer);
    claims.set("sub", user);
    claims.set("aud", _options.service);
    claims.set("iat", now);
    claims.set("nbf", now - 10);
    claims.set("exp", now + _options.expiresIn);
    claims.set("jti", std::to_string(_requests));
    claims.set("access", access);
    const std::string text = base64Url(textOf(header)) + "." + base64Url(textOf(claims));
    return text + "." + base64Url(signature(_certificate.key(), text));
}

} // namespace wasmproxy::test
