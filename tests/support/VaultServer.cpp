// SPDX-License-Identifier: Apache-2.0
#include "support/VaultServer.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <Poco/String.h>

#include <sstream>

namespace wasmproxy::test {

namespace {

using Lock = std::lock_guard<std::mutex>;
using Clock = std::chrono::steady_clock;
using Poco::JSON::Object;

std::string text(const Object& object) {
    std::ostringstream out;
    object.stringify(out);
    return out.str();
}

std::string errors(const std::string& message) {
    Poco::JSON::Array list;
    if (!message.empty()) list.add(message);
    Object result;
    result.set("errors", list);
    return text(result);
}

Object::Ptr parsed(const std::string& body) {
    try {
        return Poco::JSON::Parser().parse(body).extract<Object::Ptr>();
    } catch (const Poco::Exception&) {
        return new Object;
    }
}

std::string headerOf(const std::string& head, const std::string& name) {
    std::istringstream lines(head);
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || Poco::icompare(line.substr(0, colon), name) != 0) continue;
        return Poco::trim(line.substr(colon + 1));
    }
    return {};
}

bool beginsWith(const std::string& text, const std::string& start) {
    return text.compare(0, start.size(), start) == 0;
}

Object::Ptr objectOf(const VaultServer::Fields& fields) {
    Object::Ptr result = new Object;
    for (const auto& [name, value] : fields)
        result->set(name, value);
    return result;
}

std::string enveloped(const Object::Ptr& data, const std::string& leaseId = {}, int lease = 0) {
    Object result;
    result.set("request_id", "11111111-2222-3333-4444-555555555555");
    result.set("lease_id", leaseId);
    result.set("renewable", false);
    result.set("lease_duration", lease);
    result.set("data", data);
    result.set("warnings", Poco::Dynamic::Var());
    result.set("auth", Poco::Dynamic::Var());
    return text(result);
}

} // namespace

VaultServer::VaultServer(const Certificate* certificate, const std::string& address)
    : _server(std::make_unique<ScriptedServer>([this](ScriptedServer::Connection& connection) { serve(connection); },
                                               certificate, nullptr, address)) {}

VaultServer::~VaultServer() = default;

void VaultServer::mount(const std::string& path, int version) {
    const Lock lock(_mutex);
    _mounts[path] = version;
}

void VaultServer::write(const std::string& path, const Fields& fields) {
    const Lock lock(_mutex);
    _stored[path].versions.emplace_back(fields, false);
}

void VaultServer::remove(const std::string& path) {
    const Lock lock(_mutex);
    if (_mounts[mountOf(path)] == 1)
        _stored.erase(path);
    else
        _stored.at(path).versions.back().second = true;
}

void VaultServer::lease(const std::string& path, int seconds) {
    const Lock lock(_mutex);
    _stored[path].lease = seconds;
}

void VaultServer::appRole(const std::string& roleId, const std::string& name, const std::set<std::string>& secretIds,
                          const std::string& mount) {
    const Lock lock(_mutex);
    _appRoles[mount][roleId] = {name, secretIds};
}

void VaultServer::kubernetesRole(const std::string& name, const std::set<std::string>& jwts, const std::string& mount) {
    const Lock lock(_mutex);
    _kubernetesRoles[mount][name] = jwts;
}

void VaultServer::token(const std::string& value) {
    const Lock lock(_mutex);
    _tokens[value] = {_kind, Clock::now() + std::chrono::seconds(_kind.lease), 0};
}

std::string VaultServer::wrap(const std::string& creationPath, const std::string& secretId) {
    const Lock lock(_mutex);
    const std::string token = "hvs.wrapping" + std::to_string(++_numbers);
    _wrapped[token] = {creationPath, secretId};
    return token;
}

void VaultServer::tokens(const TokenKind& kind) {
    const Lock lock(_mutex);
    _kind = kind;
}

void VaultServer::seal(bool sealed) {
    const Lock lock(_mutex);
    _sealed = sealed;
}

void VaultServer::revokeTokens() {
    const Lock lock(_mutex);
    _tokens.clear();
}

void VaultServer::deny(const std::string& path, bool denied) {
    const Lock lock(_mutex);
    if (denied)
        _denied.insert(path);
    else
        _denied.erase(path);
}

void VaultServer::hideMounts(bool hidden) {
    const Lock lock(_mutex);
    _mountsHidden = hidden;
}

void VaultServer::fail(int status, const std::string& headers) {
    const Lock lock(_mutex);
    _failure = status;
    _failureHeaders = headers;
}

void VaultServer::say(const std::string& words) {
    const Lock lock(_mutex);
    _words = words;
}

void VaultServer::redirect(const std::string& origin) {
    const Lock lock(_mutex);
    _redirect = origin;
}

void VaultServer::requireNamespace(const std::string& name) {
    const Lock lock(_mutex);
    _namespace = name;
}

void VaultServer::slow(std::chrono::milliseconds time) {
    const Lock lock(_mutex);
    _delay = time;
}

void VaultServer::answerWith(const std::string& path, const std::string& body) {
    const Lock lock(_mutex);
    _fixed[path] = body;
    if (body.empty()) _fixed.erase(path);
}

std::vector<VaultServer::Seen> VaultServer::seen() const {
    const Lock lock(_mutex);
    return _seen;
}

std::size_t VaultServer::count(const std::string& pathPart) const {
    const Lock lock(_mutex);
    std::size_t result = 0;
    for (const Seen& request : _seen)
        result += request.path.find(pathPart) != std::string::npos;
    return result;
}

void VaultServer::forget() {
    const Lock lock(_mutex);
    _seen.clear();
}

void VaultServer::serve(ScriptedServer::Connection& connection) {
    while (true) {
        const std::string bytes = connection.readRequest();
        if (bytes.empty()) return;
        const auto headEnd = bytes.find("\r\n\r\n") + 4;
        const std::string head = bytes.substr(0, headEnd);
        Seen request;
        request.method = head.substr(0, head.find(' '));
        const auto target = head.find(' ') + 1;
        request.path = head.substr(target, head.find(' ', target) - target);
        request.path = request.path.substr(0, request.path.find('?'));
        if (beginsWith(request.path, "/v1/")) request.path.erase(0, 4);
        request.token = headerOf(head, "X-Vault-Token");
        request.vaultNamespace = headerOf(head, "X-Vault-Namespace");
        request.marked = headerOf(head, "X-Vault-Request") == "true";
        request.body = bytes.substr(headEnd);
        request.at = Clock::now();
        std::chrono::milliseconds delay{0};
        Reply reply;
        {
            const Lock lock(_mutex);
            _seen.push_back(request);
            delay = _delay;
            reply = answer(request);
        }
        if (delay.count() > 0 && !connection.sleep(delay)) return;
        if (!connection.send("HTTP/1.1 " + std::to_string(reply.status) +
                             " x\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n" + reply.headers +
                             "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body))
            return;
    }
}

VaultServer::Reply VaultServer::answer(const Seen& request) {
    const std::string& path = request.path;
    if (path == "sys/seal-status") {
        Object status;
        status.set("sealed", _sealed).set("initialized", true).set("t", 1).set("n", 1).set("progress", 0);
        return {200, text(status), {}};
    }
    if (_failure != 0) return {_failure, errors(_words), _failureHeaders};
    if (!_redirect.empty()) return {307, {}, "Location: " + _redirect + "/v1/" + path + "\r\n"};
    if (_sealed) return {503, errors("Vault is sealed"), {}};
    if (_namespace && request.vaultNamespace != *_namespace)
        return {404, errors("no handler for route \"" + path + "\". route entry not found."), {}};
    if (const auto fixed = _fixed.find(path); fixed != _fixed.end()) return {200, fixed->second, {}};
    if (beginsWith(path, "sys/wrapping/")) return wrapping(request);
    const std::string end = "/login";
    if (beginsWith(path, "auth/") && path.size() > end.size() + 5 &&
        path.compare(path.size() - end.size(), end.size(), end) == 0)
        return login(path.substr(5, path.size() - 5 - end.size()), request);
    if (!known(request.token))
        return {403, errors(request.token.empty() ? "missing client token" : "permission denied"), {}};
    if (beginsWith(path, "auth/token/")) return self(path.substr(11), request);
    const std::string ui = "sys/internal/ui/mounts/";
    if (beginsWith(path, ui)) return mounts(path.substr(ui.size()));
    for (const std::string& denied : _denied)
        if (beginsWith(path, denied))
            return {403, R"({"errors":["1 error occurred:\n\t* permission denied\n\n"]})", {}};
    return keyValue(request);
}

VaultServer::Reply VaultServer::login(const std::string& mount, const Seen& request) {
    if (request.method != "POST" && request.method != "PUT") return {405, errors("unsupported operation"), {}};
    const auto body = parsed(request.body);
    Object auth;
    if (const auto roles = _appRoles.find(mount); roles != _appRoles.end()) {
        const auto role = roles->second.find(body->optValue<std::string>("role_id", ""));
        if (role == roles->second.end()) return {400, errors("invalid role or secret ID"), {}};
        const auto& secrets = role->second.second;
        if (!secrets.empty() && secrets.count(body->optValue<std::string>("secret_id", "")) == 0)
            return {400, errors("invalid role or secret ID"), {}};
    } else if (const auto accounts = _kubernetesRoles.find(mount); accounts != _kubernetesRoles.end()) {
        const std::string name = body->optValue<std::string>("role", "");
        const auto role = accounts->second.find(name);
        if (role == accounts->second.end()) return {400, errors("invalid role name \"" + name + "\""), {}};
        if (role->second.count(body->optValue<std::string>("jwt", "")) == 0)
            return {403, errors("permission denied"), {}};
    } else {
        return {404, errors("no handler for route \"auth/" + mount + "/login\". route entry not found."), {}};
    }
    const std::string token = issue();
    auth.set("client_token", token).set("accessor", "accessor").set("lease_duration", _kind.lease);
    auth.set("renewable", _kind.renewable).set("token_type", _kind.type).set("num_uses", 0);
    Object result;
    result.set("auth", auth).set("data", Poco::Dynamic::Var()).set("lease_id", "");
    return {200, text(result), {}};
}

VaultServer::Reply VaultServer::wrapping(const Seen& request) {
    const std::string inBody = parsed(request.body)->optValue<std::string>("token", "");
    const auto found = _wrapped.find(inBody.empty() ? request.token : inBody);
    if (found == _wrapped.end()) return {400, errors("wrapping token is not valid or does not exist"), {}};
    Object::Ptr data = new Object;
    if (request.path == "sys/wrapping/lookup") {
        data->set("creation_path", found->second.creationPath).set("creation_ttl", 60);
        return {200, enveloped(data), {}};
    }
    data->set("secret_id", found->second.secretId).set("secret_id_accessor", "accessor");
    _wrapped.erase(found);
    return {200, enveloped(data), {}};
}

VaultServer::Reply VaultServer::self(const std::string& what, const Seen& request) {
    Issued& token = _tokens.at(request.token);
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(token.until - Clock::now()).count();
    if (what == "lookup-self") {
        Object::Ptr data = new Object;
        data->set("id", request.token).set("ttl", token.kind.lease == 0 ? 0 : left);
        data->set("renewable", token.kind.renewable).set("type", token.kind.type);
        return {200, enveloped(data), {}};
    }
    if (what != "renew-self") return {404, errors(""), {}};
    if (!token.kind.renewable) return {400, errors("lease is not renewable"), {}};
    const int granted = ++token.renewals > token.kind.renewals ? token.kind.lease / 10 : token.kind.lease;
    token.until = Clock::now() + std::chrono::seconds(granted);
    Object auth;
    auth.set("client_token", request.token).set("lease_duration", granted).set("renewable", true);
    auth.set("token_type", token.kind.type);
    Object result;
    result.set("auth", auth);
    return {200, text(result), {}};
}

VaultServer::Reply VaultServer::mounts(const std::string& path) const {
    const std::string mount = mountOf(path);
    if (_mountsHidden || mount.empty())
        return {403,
                errors("preflight capability check returned 403, please ensure client's policies grant access to "
                       "path \"" +
                       path + "/\""),
                {}};
    Object::Ptr options = new Object;
    options->set("version", std::to_string(_mounts.at(mount)));
    Object::Ptr data = new Object;
    data->set("path", mount).set("type", "kv").set("options", options);
    return {200, enveloped(data), {}};
}

VaultServer::Reply VaultServer::keyValue(const Seen& request) {
    const std::string mount = mountOf(request.path);
    if (mount.empty())
        return {404, errors("no handler for route \"" + request.path + "\". route entry not found."), {}};
    const bool versioned = _mounts.at(mount) == 2;
    std::string rest = request.path.substr(mount.size());
    if (versioned && !beginsWith(rest, "data/"))
        return {
            404,
            R"({"errors":[],"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs for the )"
            R"(appropriate API endpoints to use. If using the Vault CLI, use 'vault kv get' for this operation."]})",
            {}};
    if (versioned) rest.erase(0, 5);
    const std::string name = mount + rest;
    if (request.method == "POST" || request.method == "PUT") {
        const auto body = parsed(request.body);
        const auto given = versioned ? body->getObject("data") : body;
        if (!given) return {400, errors("no data provided"), {}};
        Fields fields;
        for (const auto& [key, value] : *given)
            fields[key] = value.convert<std::string>();
        _stored[name].versions.emplace_back(fields, false);
        if (!versioned) return {204, {}, {}};
        Object::Ptr data = new Object;
        data->set("version", _stored[name].versions.size()).set("destroyed", false).set("deletion_time", "");
        return {200, enveloped(data), {}};
    }
    const auto found = _stored.find(name);
    if (found == _stored.end()) return {404, errors(""), {}};
    const auto& [fields, deleted] = found->second.versions.back();
    if (!versioned) {
        const bool leased = found->second.lease > 0;
        return {200,
                enveloped(objectOf(fields), leased ? name + "/lease" : "", leased ? found->second.lease : 2764800),
                {}};
    }
    Object::Ptr metadata = new Object;
    metadata->set("version", found->second.versions.size()).set("destroyed", false);
    metadata->set("created_time", "2026-01-01T00:00:00Z").set("custom_metadata", Poco::Dynamic::Var());
    metadata->set("deletion_time", deleted ? "2026-01-02T00:00:00Z" : "");
    Object::Ptr data = new Object;
    if (deleted)
        data->set("data", Poco::Dynamic::Var());
    else
        data->set("data", objectOf(fields));
    data->set("metadata", metadata);
    return {deleted ? 404 : 200, enveloped(data), {}};
}

std::string VaultServer::issue() {
    const std::string token = "hvs.issued" + std::to_string(++_numbers) + "-canary";
    _tokens[token] = {_kind, Clock::now() + std::chrono::seconds(_kind.lease), 0};
    return token;
}

std::string VaultServer::mountOf(const std::string& path) const {
    for (const auto& [mount, version] : _mounts)
        if (beginsWith(path, mount)) return mount;
    return {};
}

bool VaultServer::known(const std::string& token) const {
    const auto found = _tokens.find(token);
    return found != _tokens.end() && (found->second.kind.lease == 0 || Clock::now() < found->second.until);
}

} // namespace wasmproxy::test
