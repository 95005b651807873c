// SPDX-License-Identifier: Apache-2.0
// What a FakeRegistry answers: the distribution protocol and its token service, as far as pulling goes.
#include "wasmproxy/testing/FakeRegistry.h"

#include "FakeEncoding.h"

#include <sstream>

namespace wasmproxy::testing {

namespace {

struct Login {
    bool given = false;
    std::string user;
    std::string password;
};

Login loginOf(const std::string& authorization) {
    if (lowered(authorization.substr(0, 6)) != "basic ") return {};
    const std::string pair = base64Decoded(authorization.substr(6));
    const std::size_t colon = pair.find(':');
    if (colon == std::string::npos) return {};
    return {true, pair.substr(0, colon), pair.substr(colon + 1)};
}

std::set<std::string> wordsOf(const std::string& text) {
    std::istringstream in(text);
    std::set<std::string> words;
    for (std::string word; in >> word;)
        words.insert(word);
    return words;
}

FakeRegistry::Reply error(int status, const std::string& code, const std::string& message) {
    FakeRegistry::Reply reply;
    reply.status = status;
    reply.body = R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})";
    reply.set("Content-Type", "application/json");
    reply.set("Content-Length", std::to_string(reply.body.size()));
    return reply;
}

} // namespace

FakeRegistry::Reply FakeRegistry::answerToken(const Seen& request, const std::string& origin,
                                              const Registry& registry) {
    const Access& access = registry.access;
    bool known = false;
    std::map<std::string, std::string> form;
    if (request.method == "POST") {
        if (access.identityToken.empty()) return error(404, "NOT_FOUND", "no POST here");
        form = formOf(request.body);
        known = form["grant_type"] == "refresh_token" && form["refresh_token"] == access.identityToken;
        if (!known) return error(401, "UNAUTHORIZED", "refresh token refused");
    } else {
        const std::size_t query = request.target.find('?');
        if (query != std::string::npos) form = formOf(request.target.substr(query + 1));
        const Login login = loginOf(request.header("Authorization"));
        known = login.given && login.user == access.user && login.password == access.password;
        if (login.given && !known && !access.likeHarbor) return error(401, "UNAUTHORIZED", "wrong user or password");
    }
    if (form["service"] != access.service) return error(400, "INVALID", "unknown service");
    const std::string token = "fake-token-" + std::to_string(_nextToken++) + "-of-" + (known ? "user" : "nobody");
    _tokens[token] = {origin, wordsOf(form["scope"]), known || access.anonymousPull};
    Reply reply;
    reply.body = access.tokenReply ? access.tokenReply(token) : R"({"token":")" + token + R"(","expires_in":300})";
    reply.set("Content-Type", "application/json");
    reply.set("Content-Length", std::to_string(reply.body.size()));
    return reply;
}

bool FakeRegistry::admits(const Seen& request, const std::string& path, const std::string& origin,
                          const Registry& registry, std::string& why) const {
    const Access& access = registry.access;
    const std::string authorization = request.header("Authorization");
    const Login login = loginOf(authorization);
    if (access.kind == Access::Kind::Open) return true;
    if (access.kind == Access::Kind::Basic || access.likeHarbor)
        if (login.given && login.user == access.user && login.password == access.password) return true;
    if (access.kind == Access::Kind::Basic || lowered(authorization.substr(0, 7)) != "bearer ") return false;
    const std::string bearer = authorization.substr(7);
    if (!access.registryToken.empty() && bearer == access.registryToken) return true;
    const auto token = _tokens.find(bearer);
    why = "invalid_token";
    if (token == _tokens.end() || token->second.origin != origin) return false;
    why = "insufficient_scope";
    return token->second.mayPull && token->second.scopes.count("repository:" + path + ":pull") != 0;
}

FakeRegistry::Reply FakeRegistry::refuse(const Seen& request, const std::string& path, const Registry& registry,
                                         const std::string& why) const {
    const Access& access = registry.access;
    Reply reply = error(401, "UNAUTHORIZED", "authentication required");
    if (access.kind == Access::Kind::Basic) {
        reply.set("WWW-Authenticate", R"(Basic realm="fake")");
    } else if (access.likeHarbor && request.authorized()) {
        reply.set("WWW-Authenticate", R"(Basic realm="harbor")");
    } else {
        std::string challenge = R"(Bearer realm=")" + access.realm + R"(",service=")" + access.service +
                                R"(",scope="repository:)" + path + R"(:pull")";
        if (!why.empty()) challenge += R"(,error=")" + why + R"(")";
        reply.set("WWW-Authenticate", challenge);
    }
    return reply;
}

FakeRegistry::Reply FakeRegistry::content(const Seen& request, const Content& content) const {
    Reply reply;
    reply.body = content.bytes;
    const std::string range = request.header("Range");
    if (!_ignoreRange && range.compare(0, 6, "bytes=") == 0) {
        const std::size_t from = std::stoull(range.substr(6));
        if (from >= content.bytes.size()) return error(416, "RANGE_INVALID", "past the end");
        reply.status = 206;
        reply.body = content.bytes.substr(from);
        const std::string size = std::to_string(content.bytes.size());
        reply.set("Content-Range",
                  "bytes " + std::to_string(from) + "-" + std::to_string(content.bytes.size() - 1) + "/" + size);
    }
    reply.set("Content-Type", content.mediaType);
    reply.set("Content-Length", std::to_string(reply.body.size()));
    reply.set("Docker-Content-Digest", content.digest.str());
    return reply;
}

FakeRegistry::Reply FakeRegistry::answerRegistry(const Seen& request, const std::string& origin, Registry& registry) {
    const std::string target = request.target.substr(0, request.target.find('?'));
    const std::size_t key = target.rfind('/');
    const std::size_t kind = key == std::string::npos || key == 0 ? std::string::npos : target.rfind('/', key - 1);
    if (target == "/v2/") {
        std::string why;
        return admits(request, "", origin, registry, why) ? Reply() : refuse(request, "", registry, why);
    }
    if (target.compare(0, 4, "/v2/") != 0 || kind == std::string::npos || kind < 4)
        return error(404, "UNSUPPORTED", "no such endpoint");
    const std::string path = target.substr(4, kind - 4);
    const std::string what = target.substr(kind + 1, key - kind - 1);
    if (request.method != "GET" && request.method != "HEAD") return error(405, "UNSUPPORTED", "read only");
    std::string why;
    if (!admits(request, path, origin, registry, why)) return refuse(request, path, registry, why);
    if (what != "manifests" && what != "blobs") return error(404, "UNSUPPORTED", "no such endpoint");
    const auto& contents = what == "manifests" ? registry.manifests : registry.blobs;
    const auto repository = contents.find(path);
    const std::string code = what == "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN";
    if (repository == contents.end()) return error(404, code, "unknown");
    const auto found = repository->second.find(target.substr(key + 1));
    if (found == repository->second.end()) return error(404, code, "unknown");
    if (what == "manifests" && request.header("Accept").find(found->second.mediaType) == std::string::npos)
        return error(404, code, "no manifest of an accepted type");
    return content(request, found->second);
}

} // namespace wasmproxy::testing
