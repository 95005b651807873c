// SPDX-License-Identifier: Apache-2.0
#include "support/KubeApi.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Parser.h>
#include <Poco/URI.h>
#include <openssl/evp.h>

#include <algorithm>
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

Object::Ptr parsed(const std::string& text) {
    Poco::JSON::Parser parser;
    return parser.parse(text).extract<Object::Ptr>();
}

std::string base64(const std::string& bytes) {
    std::string result((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    result.resize(static_cast<std::size_t>(size));
    return result;
}

std::string response(int status, const std::string& body, const std::string& headers = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string statusBody(int code, const std::string& reason, const std::string& message) {
    Object status;
    status.set("kind", "Status");
    status.set("apiVersion", "v1");
    status.set("status", "Failure");
    status.set("message", message);
    status.set("reason", reason);
    status.set("code", code);
    return textOf(status);
}

std::string chunkOf(const std::string& bytes) {
    std::ostringstream out;
    out << std::hex << bytes.size() << "\r\n" << bytes << "\r\n";
    return out.str();
}

/// "a=b,c=d"
std::map<std::string, std::string> selectorOf(const std::string& text) {
    std::map<std::string, std::string> result;
    std::istringstream list(text);
    for (std::string term; std::getline(list, term, ',');) {
        const auto equals = term.find('=');
        if (equals == std::string::npos) throw std::runtime_error("unable to parse requirement");
        const auto value = term.find_first_not_of('=', equals);
        result[term.substr(0, equals)] = value == std::string::npos ? "" : term.substr(value);
    }
    return result;
}

} // namespace

struct KubeApi::Request {
    std::string method;
    std::string path;
    std::string body;
    std::string token;
    std::string resource;
    std::string nameSpace;
    std::string name;
    std::string subresource;
    std::map<std::string, std::string> query;
    std::map<std::string, std::string> fields;
    std::map<std::string, std::string> labels;

    static Request parse(const std::string& text) {
        Request result;
        std::istringstream head(text);
        std::string target;
        head >> result.method >> target;
        result.path = target;
        const Poco::URI uri(target);
        for (const auto& [name, value] : uri.getQueryParameters())
            result.query[name] = value;
        std::vector<std::string> parts;
        uri.getPathSegments(parts);
        const auto at = std::find(parts.begin(), parts.end(), "namespaces");
        const auto part = [&](long offset) { return parts.end() - at > offset ? *(at + offset) : std::string(); };
        result.nameSpace = part(1);
        result.resource = part(2);
        result.name = part(3);
        result.subresource = part(4);
        result.fields = selectorOf(result.query["fieldSelector"]);
        result.labels = selectorOf(result.query["labelSelector"]);
        const auto token = text.find("Authorization: Bearer ");
        if (token != std::string::npos) result.token = text.substr(token + 22, text.find('\r', token) - token - 22);
        result.body = text.substr(text.find("\r\n\r\n") + 4);
        return result;
    }

    std::string verb() const {
        if (method == "PUT") return "update";
        if (!name.empty()) return "get";
        return query.count("watch") ? "watch" : "list";
    }

    /// What permissions are compared with: the API server takes the name from the field selector.
    std::string nameForRules() const {
        const auto selected = fields.find("metadata.name");
        return !name.empty() || selected == fields.end() ? name : selected->second;
    }

    bool selects(const Key& key, const Object& object) const {
        if (std::get<0>(key) != resource || std::get<1>(key) != nameSpace) return false;
        for (const auto& [field, value] : fields) {
            if (field == "metadata.name" ? std::get<2>(key) != value : object.optValue<std::string>(field, "") != value)
                return false;
        }
        const auto has = object.getObject("metadata")->getObject("labels");
        for (const auto& [label, value] : labels)
            if (!has || has->optValue<std::string>(label, "") != value) return false;
        return true;
    }
};

KubeApi::KubeApi(const Certificate* certificate) : _certificate(certificate) {
    start();
}

KubeApi::~KubeApi() {
    goAway();
}

void KubeApi::start() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = false;
    }
    _server = std::make_unique<ScriptedServer>([this](ScriptedServer::Connection& connection) { serve(connection); },
                                               _certificate, nullptr, "127.0.0.1", _port);
    _port = _server->port();
}

void KubeApi::goAway() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    _changed.notify_all();
    _server.reset();
}

void KubeApi::comeBack() {
    start();
}

std::string KubeApi::url() const {
    return std::string(_certificate ? "https" : "http") + "://127.0.0.1:" + std::to_string(_port);
}

void KubeApi::allow(const std::string& verb, const std::string& resource, const std::string& name) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _everything = false;
    _allowed.insert({verb, resource, name});
}

void KubeApi::allowEverything() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _everything = true;
}

void KubeApi::forbidAll() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _everything = false;
    _allowed.clear();
}

void KubeApi::requireToken(const std::string& token) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _token = token;
}

void KubeApi::putSecret(const std::string& nameSpace, const std::string& name, const std::string& type,
                        const std::map<std::string, std::string>& data,
                        const std::map<std::string, std::string>& labels) {
    Object encodedData;
    for (const auto& [key, value] : data)
        encodedData.set(key, base64(value));
    Object allLabels;
    for (const auto& [key, value] : labels)
        allLabels.set(key, value);
    Object metadata;
    if (!labels.empty()) metadata.set("labels", allLabels);
    Object secret;
    secret.set("metadata", metadata);
    secret.set("type", type);
    secret.set("data", encodedData);
    put("secrets", nameSpace, name, textOf(secret));
}

void KubeApi::putRegistrySecret(const std::string& nameSpace, const std::string& name, const std::string& registry,
                                const std::string& username, const std::string& password) {
    Object entry;
    entry.set("username", username);
    entry.set("password", password);
    entry.set("auth", base64(username + ":" + password));
    Object auths;
    auths.set(registry, entry);
    Object config;
    config.set("auths", auths);
    putSecret(nameSpace, name, "kubernetes.io/dockerconfigjson", {{".dockerconfigjson", textOf(config)}});
}

void KubeApi::put(const std::string& resource, const std::string& nameSpace, const std::string& name,
                  const std::string& json) {
    store({resource, nameSpace, name}, parsed(json));
}

void KubeApi::store(const Key& key, Object::Ptr object) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        Entry& entry = _objects[key];
        const bool added = entry.version == 0;
        entry.version = ++_version;
        Object::Ptr metadata = object->getObject("metadata");
        if (!metadata) metadata = new Object;
        metadata->set("namespace", std::get<1>(key));
        metadata->set("name", std::get<2>(key));
        metadata->set("resourceVersion", std::to_string(_version));
        object->set("metadata", metadata);
        entry.object = object;
        _events.push_back({_version, added ? "ADDED" : "MODIFIED", key, object});
    }
    _changed.notify_all();
}

void KubeApi::remove(const std::string& resource, const std::string& nameSpace, const std::string& name) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto found = _objects.find({resource, nameSpace, name});
        if (found == _objects.end()) return;
        Object::Ptr object = parsed(textOf(*found->second.object));
        object->getObject("metadata")->set("resourceVersion", std::to_string(++_version));
        _events.push_back({_version, "DELETED", found->first, object});
        _objects.erase(found);
    }
    _changed.notify_all();
}

std::string KubeApi::json(const std::string& resource, const std::string& nameSpace, const std::string& name) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _objects.find({resource, nameSpace, name});
    return found == _objects.end() ? "" : textOf(*found->second.object);
}

void KubeApi::setFaults(const Faults& faults) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _faults = faults;
    }
    _changed.notify_all();
}

void KubeApi::forgetHistory() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _oldest = ++_version;
        _events.clear();
    }
    _changed.notify_all();
}

void KubeApi::endWatches() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        ++_watchRound;
    }
    _changed.notify_all();
}

int KubeApi::requests(const std::string& verb) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _requests.find(verb);
    return found == _requests.end() ? 0 : found->second;
}

std::vector<std::string> KubeApi::paths() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _paths;
}

int KubeApi::openWatches() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _open;
}

bool KubeApi::awaitWatches(int count, Milliseconds time) const {
    std::unique_lock<std::mutex> lock(_mutex);
    return _changed.wait_for(lock, time, [&] { return _open == count; });
}

void KubeApi::serve(ScriptedServer::Connection& connection) {
    while (true) {
        const std::string text = connection.readRequest();
        if (text.empty()) return;
        try {
            if (!answer(connection, Request::parse(text))) return;
        } catch (const std::exception& error) {
            connection.send(response(400, statusBody(400, "BadRequest", error.what())));
            return;
        }
    }
}

bool KubeApi::answer(ScriptedServer::Connection& connection, const Request& request) {
    const std::string verb = request.verb();
    std::string refusal;
    {
        std::unique_lock<std::mutex> lock(_mutex);
        ++_requests[verb];
        _paths.push_back(request.path);
        _changed.wait_for(lock, _faults.delay, [this] { return _stopping || _faults.delay.count() == 0; });
        const std::string name = request.nameForRules();
        const std::string resource = request.resource + (request.subresource.empty() ? "" : "/" + request.subresource);
        const bool allowed =
            _everything || _allowed.count({verb, resource, name}) || _allowed.count({verb, resource, ""});
        const int forced = verb == "watch" && _faults.watchStatus != 0 ? _faults.watchStatus : _faults.status;
        if (!_token.empty() && request.token != _token) {
            refusal = response(401, statusBody(401, "Unauthorized", "Unauthorized"));
        } else if (!allowed) {
            refusal =
                response(403, statusBody(403, "Forbidden",
                                         resource + " \"" + name +
                                             "\" is forbidden: User \"system:serviceaccount:" + request.nameSpace +
                                             ":wasm-proxy\" cannot " + verb + " resource \"" + resource + "\""));
        } else if (forced != 0) {
            const std::string reason = forced == 410 ? "Expired" : forced == 429 ? "TooManyRequests" : "Timeout";
            refusal = response(forced, statusBody(forced, reason, "as the test orders"),
                               _faults.retryAfter.empty() ? "" : "Retry-After: " + _faults.retryAfter + "\r\n");
        }
    }
    if (!refusal.empty()) return connection.send(refusal);
    if (verb == "list") return list(connection, request);
    if (verb == "watch") return watch(connection, request);
    if (verb == "update") return update(connection, request);
    const std::string found = json(request.resource, request.nameSpace, request.name);
    if (found.empty())
        return connection.send(response(404, statusBody(404, "NotFound", request.resource + " not found")));
    return connection.send(response(200, found));
}

bool KubeApi::update(ScriptedServer::Connection& connection, const Request& request) {
    const Key key{request.resource, request.nameSpace, request.name};
    const Object::Ptr object = parsed(request.body);
    const auto metadata = object->getObject("metadata");
    const std::string shown = metadata ? metadata->optValue<std::string>("resourceVersion", "") : "";
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto found = _objects.find(key);
        if (found == _objects.end())
            return connection.send(response(404, statusBody(404, "NotFound", request.resource + " not found")));
        const bool ordered = _faults.conflicts > 0 && _faults.conflicts-- > 0;
        if (ordered || (!shown.empty() && shown != std::to_string(found->second.version)))
            return connection.send(response(409, statusBody(409, "Conflict", "the object has been modified")));
    }
    store(key, object);
    return connection.send(response(200, json(request.resource, request.nameSpace, request.name)));
}

bool KubeApi::list(ScriptedServer::Connection& connection, const Request& request) {
    Array items;
    Object metadata;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto limit = request.query.find("limit");
        std::size_t page = limit == request.query.end() ? 1000000 : std::stoul(limit->second);
        if (_faults.page != 0) page = std::min(page, _faults.page);
        const auto next = request.query.find("continue");
        if (next != request.query.end() && _faults.expireContinue) {
            _faults.expireContinue = false;
            return connection.send(response(410, statusBody(410, "Expired", "the continue parameter is too old")));
        }
        metadata.set("resourceVersion", std::to_string(_version));
        for (const auto& [key, entry] : _objects) {
            if (!request.selects(key, *entry.object)) continue;
            if (next != request.query.end() && std::get<2>(key) <= next->second) continue;
            if (items.size() == page) {
                metadata.set(
                    "continue",
                    std::get<2>(key).empty()
                        ? ""
                        : items.getObject(items.size() - 1)->getObject("metadata")->getValue<std::string>("name"));
                break;
            }
            items.add(entry.object);
        }
    }
    Object answer;
    answer.set("kind", "List");
    answer.set("apiVersion", "v1");
    answer.set("metadata", metadata);
    answer.set("items", items);
    return connection.send(response(200, textOf(answer)));
}

bool KubeApi::watch(ScriptedServer::Connection& connection, const Request& request) {
    std::uint64_t round = 0;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto from = std::stoull(request.query.at("resourceVersion"));
        if (from < _oldest && !_faults.expireByEvent)
            return connection.send(response(410, statusBody(410, "Expired", "too old resource version")));
        if (from > _version)
            return connection.send(response(504, statusBody(504, "Timeout", "Too large resource version")));
        ++_open;
        round = _watchRound; // in one step with being counted, or endWatches() could miss it
    }
    _changed.notify_all();
    const bool good = stream(connection, request, round);
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        --_open;
    }
    _changed.notify_all();
    return good;
}

/// false: the connection is of no more use.
bool KubeApi::stream(ScriptedServer::Connection& connection, const Request& request, std::uint64_t round) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds(std::stoul(request.query.at("timeoutSeconds")));
    if (!connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"))
        return false;
    long sent = 0;
    std::uint64_t at = std::stoull(request.query.at("resourceVersion"));
    std::unique_lock<std::mutex> lock(_mutex);
    while (!_stopping && round == _watchRound && !_faults.endAtOnce && std::chrono::steady_clock::now() < end) {
        if (!connection.open()) return false;
        std::string text;
        bool last = false;
        if (at < _oldest) {
            if (!_faults.expireByEvent) break;
            text = R"({"type":"ERROR","object":)" + statusBody(410, "Expired", "too old resource version") + "}\n";
            last = true;
        } else {
            for (const Event& event : _events) {
                if (event.version <= at) continue;
                at = event.version;
                if (!request.selects(event.key, *event.object)) continue;
                if (!_faults.garbage.empty()) {
                    text += _faults.garbage;
                    _faults.garbage.clear();
                    continue;
                }
                text += R"({"type":")" + event.type + R"(","object":)" + textOf(*event.object) + "}\n";
            }
        }
        const Faults faults = _faults;
        if (text.empty()) {
            const auto pause = faults.bookmarks.count() > 0 ? faults.bookmarks : Milliseconds(20);
            const bool woken = _changed.wait_for(lock, pause, [&] {
                return _stopping || round != _watchRound || _faults.endAtOnce || at < _oldest ||
                       (!_events.empty() && _events.back().version > at);
            });
            if (woken || faults.bookmarks.count() == 0) continue;
            at = _version;
            text = R"({"type":"BOOKMARK","object":{"kind":"Secret","metadata":{"resourceVersion":")" +
                   std::to_string(_version) + "\"}}}\n";
        }
        lock.unlock();
        const std::size_t size = faults.chunk == 0 ? text.size() : faults.chunk;
        for (std::size_t begin = 0; begin < text.size(); begin += size) {
            std::string piece = text.substr(begin, size);
            if (faults.cutAfter >= 0 && sent + static_cast<long>(piece.size()) > faults.cutAfter) {
                piece.resize(static_cast<std::size_t>(faults.cutAfter - sent));
                if (!piece.empty()) connection.send(chunkOf(piece));
                return false;
            }
            if (!connection.send(chunkOf(piece))) return false;
            sent += static_cast<long>(piece.size());
        }
        if (last) return connection.send("0\r\n\r\n");
        lock.lock();
    }
    const bool stopping = _stopping;
    lock.unlock();
    return !stopping && connection.send("0\r\n\r\n");
}

} // namespace wasmproxy::test
