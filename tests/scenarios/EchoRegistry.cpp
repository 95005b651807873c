// SPDX-License-Identifier: Apache-2.0
#include "EchoRegistry.h"

#include "CanaryStage.h"
#include "Rig.h"

#include <Poco/Base64Decoder.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace wasmproxy::test {
namespace {

std::string response(const std::string& status, const std::string& headers, const std::string& body, bool head) {
    return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           (head ? "" : body);
}

std::string headerOf(const std::string& request, const std::string& name) {
    const auto at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return request.substr(begin, request.find("\r\n", begin) - begin);
}

std::string decoded(const std::string& text) {
    std::istringstream in(text);
    Poco::Base64Decoder decoder(in);
    return {std::istreambuf_iterator<char>(decoder), {}};
}

std::string inJson(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

std::string errors(const std::string& said) {
    return R"({"errors":[{"code":"DENIED","message":"you sent )" + inJson(said) + R"(","detail":{"header":")" +
           inJson(said) + "\"}}]}";
}

template <class Answer>
ScriptedServer::Script answering(Answer answer) {
    return [answer](ScriptedServer::Connection& connection) {
        for (auto request = connection.readRequest(); !request.empty(); request = connection.readRequest())
            if (!connection.send(answer(request)) || request.find("cut") != std::string::npos) return;
    };
}

bool startsWith(const std::string& text, const std::string& start) {
    return text.compare(0, start.size(), start) == 0;
}

const char* const Json = "Content-Type: application/json\r\n";
const char* const Xml = "Content-Type: application/xml\r\n";

} // namespace

EchoRegistry::EchoRegistry(std::string bearerToken, std::string signature)
    : _bearer(std::move(bearerToken)),
      _signature(std::move(signature)),
      _storage(answering([this](const std::string& request) { return storage(request); })),
      _registry(answering([this](const std::string& request) { return answer(request); })) {}

const std::vector<std::string>& EchoRegistry::ways() {
    static const std::vector<std::string> ways = {
        "ok",           "signed",      "signed-denied",   "signed-cut", "signed-metadata", "signed-ftp",
        "signed-loop",  "bearer-ok",   "bearer-400",      "bearer-500", "bearer-words",    "bearer-realm",
        "echo-400",     "echo-403",    "echo-404",        "echo-429",   "echo-500",        "echo-reason",
        "echo-header",  "echo-words",  "echo-media-type", "echo-type",  "echo-digest",     "echo-blob",
        "echo-content", "echo-config", "echo-location",   "echo-301",   "bearer-401",      "echo-challenge",
        "echo-401"};
    return ways;
}

bool EchoRegistry::shown(const std::string& repository, const std::string& credential) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return std::any_of(_shown.begin(), _shown.end(), [&](const auto& each) {
        return each.first == repository && each.second.find(credential) != std::string::npos;
    });
}

std::set<std::string> EchoRegistry::echoes() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    std::set<std::string> digests;
    for (const auto& [repository, written] : _contents) {
        if (repository.find("/echo-") == std::string::npos) continue;
        for (const auto& digest : written.layerDigests)
            digests.insert(digest.substr(7));
        digests.insert({written.digest.substr(7), written.configDigest.substr(7)});
    }
    return digests;
}

int EchoRegistry::signedRequests() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _signed;
}

/// "/v2/plain/echo-400/manifests/v1" -> "plain/echo-400"; "" where there is none.
static std::string repositoryIn(const std::string& target) {
    const auto end = std::min(target.find("/manifests/"), target.find("/blobs/"));
    return startsWith(target, "/v2/") && end != std::string::npos ? target.substr(4, end - 4) : "";
}

std::string EchoRegistry::answer(const std::string& request) {
    const bool head = startsWith(request, "HEAD");
    const auto begin = request.find(' ') + 1;
    const auto target = request.substr(begin, request.find(' ', begin) - begin);
    const auto authorization = headerOf(request, "Authorization");
    const auto space = authorization.find(' ') + 1;
    const auto plain = startsWith(authorization, "Basic ")
                           ? decoded(authorization.substr(space))
                           : authorization.substr(std::min(space, authorization.size()));
    const auto said = plain + " as " + authorization;
    const std::lock_guard<std::mutex> lock(_mutex);
    if (startsWith(target, "/token")) {
        const auto scope = target.find("repository:");
        const auto wanted = scope == std::string::npos ? target.find("repository%3A") : scope;
        if (wanted != std::string::npos) {
            auto name = target.substr(wanted + (scope == std::string::npos ? 13 : 11));
            for (auto at = name.find("%2F"); at != std::string::npos; at = name.find("%2F"))
                name.replace(at, 3, "/");
            _shown.insert({name.substr(0, name.find_first_of(":%")), plain});
        }
        return token(target, said);
    }
    const auto repository = repositoryIn(target);
    const auto way = repository.substr(repository.find('/') + 1);
    if (authorization.empty() || (startsWith(way, "bearer") && !startsWith(authorization, "Bearer "))) {
        const auto realm = "http://" + host() + "/token/" + way;
        return response("401 Unauthorized",
                        startsWith(way, "bearer")
                            ? "WWW-Authenticate: Bearer realm=\"" + realm +
                                  "\",service=\"s\",scope=\"repository:" + repository + ":pull\"\r\n"
                            : std::string("WWW-Authenticate: Basic realm=\"r\"\r\n"),
                        "", head);
    }
    if (target == "/v2/") return response("200 OK", Json, "{}", head);
    if (repository.empty()) return response("404 Not Found", Json, errors(said), head);
    _shown.insert({repository, plain});
    if (target.find("/blobs/") != std::string::npos)
        return blob(repository, way, said, target.substr(target.find("/blobs/") + 7), head);
    return manifest(repository, way, said, head);
}

std::string EchoRegistry::token(const std::string& target, const std::string& said) {
    const auto way = target.substr(7, target.find('?') - 7);
    const auto details = R"({"details":")" + inJson(said) + R"(","token":)";
    if (way == "bearer-400") return response("400 Bad Request", Json, errors(said), false);
    if (way == "bearer-401") return response("401 Unauthorized", Json, errors(said), false);
    if (way == "bearer-500") return response("500 " + said, Json, errors(said), false);
    if (way == "bearer-words") return response("200 OK", Json, details + said, false);
    return response("200 OK", Json, R"({"token":")" + _bearer + R"(","expires_in":300})", false);
}

std::string EchoRegistry::manifest(const std::string& repository, const std::string& way, const std::string& said,
                                   bool head) {
    const auto body = errors(said);
    const auto echo = "X-Echo: " + said + "\r\nWarning: 299 - \"" + said + "\"\r\n";
    if (way == "echo-400") return response("400 Bad Request", Json + echo, body, head);
    if (way == "echo-401") return response("401 Unauthorized", Json + echo, body, head);
    if (way == "echo-403") return response("403 Forbidden", Json + echo, body, head);
    if (way == "echo-404") return response("404 Not Found", Json + echo, body, head);
    if (way == "echo-429") return response("429 Too Many", Json + echo + "Retry-After: " + said + "\r\n", body, head);
    if (way == "echo-500") return response("500 Internal Server Error", Json + echo, body, head);
    if (way == "echo-301") return response("301 Moved", "Location: ftp://host/" + said + "\r\n", body, head);
    if (way == "echo-location") // where nobody may be sent to
        return response("302 Found", "Location: http://169.254.169.254/?was=" + percentEncoded(said) + "\r\n", "",
                        head);
    if (way == "echo-challenge" || way == "bearer-realm")
        return response("401 Unauthorized",
                        "WWW-Authenticate: Bearer realm=\"http://elsewhere.example/" + percentEncoded(said) +
                            "\",service=\"" + said + "\",error=\"" + said + "\"\r\n",
                        body, head);
    if (way == "echo-reason") return response("400 " + said, "", said, head);
    if (way == "echo-header") return "HTTP/1.1 200 OK\r\n" + said + "\r\n" + said + "\r\n\r\n";
    if (way == "echo-words")
        return response("200 OK", "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", said, head);
    const auto& written = contentOf(repository, said);
    if (way == "echo-type") return response("200 OK", "Content-Type: " + said + "\r\n", written.bytes, head);
    const auto type = "Content-Type: " + written.mediaType + "\r\n";
    if (way == "echo-digest")
        return response("200 OK", type + "Docker-Content-Digest: sha256:" + said + "\r\n", written.bytes, head);
    return response("200 OK", type + "Docker-Content-Digest: " + written.digest + "\r\n", written.bytes, head);
}

std::string EchoRegistry::blob(const std::string& repository, const std::string& way, const std::string& said,
                               const std::string& digest, bool head) {
    if (way == "echo-blob") return response("404 Not Found", Json, errors(said), head);
    const auto query = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2Fx&X-Amz-Signature=" + _signature;
    if (way == "signed-metadata")
        return response("307 Temporary Redirect", "Location: http://169.254.169.254/b" + query + "\r\n", "", head);
    if (way == "signed-ftp")
        return response("307 Temporary Redirect", "Location: ftp://127.0.0.1/b" + query + "\r\n", "", head);
    if (startsWith(way, "signed"))
        return response("307 Temporary Redirect",
                        "Location: " + _storage.url("/" + repository + "/" + digest) + query + "\r\n", "", head);
    contentOf(repository, said);
    const auto file = _folder / (repository + "/blobs/sha256/" + digest.substr(digest.find(':') + 1));
    if (!std::filesystem::exists(file)) return response("404 Not Found", Json, errors(said), head);
    return response("200 OK", "", readFile(file), head);
}

std::string EchoRegistry::storage(const std::string& request) {
    const auto begin = request.find(' ') + 1;
    const auto target = request.substr(begin, request.find(' ', begin) - begin);
    const std::lock_guard<std::mutex> lock(_mutex);
    _signed += target.find(_signature) != std::string::npos ? 1 : 0;
    if (target.find("signed-denied") != std::string::npos)
        return response("403 Forbidden", Xml,
                        "<Error><Code>SignatureDoesNotMatch</Code><Message>" + target +
                            "</Message><SignatureProvided>" + _signature + "</SignatureProvided></Error>",
                        false);
    if (target.find("signed-loop") != std::string::npos)
        return response("302 Found", "Location: " + _storage.url(target) + "\r\n", "", false);
    const auto path = target.substr(1, target.find('?') - 1);
    const auto slash = path.rfind('/');
    const auto bytes =
        readFile(_folder / (path.substr(0, slash) + "/blobs/sha256/" + path.substr(path.find(':', slash) + 1)));
    auto whole = response("200 OK", "", bytes, false);
    if (target.find("signed-cut") != std::string::npos) whole.resize(whole.size() - bytes.size() / 2);
    return whole;
}

const WrittenManifest& EchoRegistry::contentOf(const std::string& repository, const std::string& said) {
    const auto known = _contents.find(repository);
    if (known != _contents.end()) return known->second;
    const auto way = repository.substr(repository.find('/') + 1);
    auto image = istioArtifact(way == "echo-content" ? said : uniqueModule(repository, 20000));
    if (way == "echo-media-type") image.layers[1].mediaType = said;
    if (way == "echo-config") image.config = image.layers[0].bytes = R"({"type":")" + inJson(said) + "\"}";
    return _contents.emplace(repository, OciLayout(_folder / repository).addImage(image, "v")).first->second;
}

} // namespace wasmproxy::test
