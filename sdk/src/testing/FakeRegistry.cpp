// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/FakeRegistry.h"

#include "FakeEncoding.h"
#include "FakeResponse.h"

#include <algorithm>

namespace wasmproxy::testing {

namespace {

/// `https://Host:443/a?b` -> `https://host` and `/a?b`.
std::pair<std::string, std::string> split(const std::string& url) {
    const std::size_t authority = url.find("://") == std::string::npos ? 0 : url.find("://") + 3;
    const std::size_t end = std::min(url.find_first_of("/?", authority), url.size());
    std::string origin = lowered(url.substr(0, end));
    for (const auto& [scheme, port] : {std::pair<std::string, std::string>("https://", ":443"), {"http://", ":80"}})
        if (origin.compare(0, scheme.size(), scheme) == 0 && origin.size() > port.size() &&
            origin.compare(origin.size() - port.size(), port.size(), port) == 0)
            origin.resize(origin.size() - port.size());
    const std::string target = url.substr(end);
    return {origin, target.empty() || target[0] != '/' ? "/" + target : target};
}

std::string withoutQuery(const std::string& url) {
    return url.substr(0, url.find('?'));
}

void checkSendable(const HttpRequest& request) {
    const auto clean = [](const std::string& text) {
        return std::none_of(text.begin(), text.end(),
                            [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
    };
    bool sendable = clean(request.url) && request.url.find(' ') == std::string::npos;
    for (const auto& header : request.headers)
        sendable = sendable && clean(header.name) && clean(header.value);
    if (!sendable) throw Error(ErrorCode::Internal, "a control character in a request's URL or header");
    const auto origin = split(request.url).first;
    if (origin.compare(0, 7, "http://") != 0 && origin.compare(0, 8, "https://") != 0)
        throw Error(ErrorCode::Internal, "a request's URL is neither http nor https");
    if (origin.find('@') != std::string::npos || request.url.find('#') != std::string::npos)
        throw Error(ErrorCode::Internal, "a request's URL holds user info or a fragment");
}

} // namespace

std::string FakeRegistry::Seen::header(const std::string& name) const {
    for (const auto& header : headers)
        if (lowered(header.name) == lowered(name)) return header.value;
    return {};
}

void FakeRegistry::Reply::set(const std::string& name, const std::string& value) {
    remove(name);
    headers.push_back({name, value});
}

void FakeRegistry::Reply::remove(const std::string& name) {
    headers.erase(std::remove_if(headers.begin(), headers.end(),
                                 [&](const HttpHeader& header) { return lowered(header.name) == lowered(name); }),
                  headers.end());
}

void FakeRegistry::serve(const std::string& origin, Access access) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const std::string key = split(origin).first;
    if (access.realm.empty()) access.realm = key + "/token";
    if (access.service.empty()) access.service = key.substr(key.find("://") + 3);
    _registries[key].access = std::move(access);
}

Digest FakeRegistry::push(const std::string& origin, const std::string& path, const std::string& tag,
                          const std::string& manifest, const std::string& mediaType) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const Content content{manifest, mediaType, Digest::of(manifest)};
    auto& manifests = _registries.at(split(origin).first).manifests[path];
    manifests[content.digest.str()] = content;
    if (!tag.empty()) manifests[tag] = content;
    return content.digest;
}

Digest FakeRegistry::pushBlob(const std::string& origin, const std::string& path, const std::string& bytes) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const Content content{bytes, media::OctetStream, Digest::of(bytes)};
    _registries.at(split(origin).first).blobs[path][content.digest.str()] = content;
    return content.digest;
}

void FakeRegistry::put(const std::string& url, const std::string& bytes) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto [origin, target] = split(url);
    _pages[origin + withoutQuery(target)] = bytes;
}

void FakeRegistry::expireTokens() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _tokens.clear();
}

void FakeRegistry::ignoreRange() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _ignoreRange = true;
}

void FakeRegistry::inject(const std::string& method, const std::string& urlPart, Change change, std::size_t times) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _injected.push_back({method, urlPart, std::move(change), times});
}

void FakeRegistry::heal() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _injected.clear();
}

std::vector<FakeRegistry::Seen> FakeRegistry::seen() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _seen;
}

std::vector<FakeRegistry::Seen> FakeRegistry::seenAt(const std::string& origin) const {
    std::vector<Seen> result;
    for (const auto& request : seen())
        if (request.origin == split(origin).first) result.push_back(request);
    return result;
}

std::size_t FakeRegistry::count(const std::string& method, const std::string& urlPart) const {
    const auto all = seen();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Seen& request) {
        return (method.empty() || request.method == method) &&
               (request.origin + request.target).find(urlPart) != std::string::npos;
    }));
}

void FakeRegistry::forgetSeen() {
    const std::lock_guard<std::mutex> lock(_mutex);
    _seen.clear();
}

std::vector<std::string> FakeRegistry::leaks(const std::vector<std::string>& canaries,
                                             const std::set<std::string>& allowed) const {
    std::vector<std::string> result;
    for (const auto& request : seen()) {
        if (allowed.count(request.origin) != 0) continue;
        const std::string line = request.method + " " + request.origin + withoutQuery(request.target);
        std::string text = request.target + "\n" + request.body;
        for (const auto& header : request.headers)
            text += "\n" + header.name + ": " + header.value;
        const bool found = std::any_of(canaries.begin(), canaries.end(),
                                       [&](const std::string& canary) { return holds(text, canary); });
        if (found || request.authorized()) result.push_back(found ? line + " (canary)" : line + " (Authorization)");
    }
    return result;
}

std::unique_ptr<HttpResponse> FakeRegistry::send(Call& call, const HttpRequest& request) {
    checkSendable(request);
    call.check("sending a request");
    std::unique_lock<std::mutex> lock(_mutex);
    const auto [origin, target] = split(request.url);
    const Seen seen{request.method, origin, target, request.headers, request.body, request.signature};
    _seen.push_back(seen);
    Reply reply = answer(seen);
    for (auto& injected : _injected) {
        const bool hit = (injected.method.empty() || injected.method == seen.method) &&
                         (origin + target).find(injected.urlPart) != std::string::npos;
        if (!hit || injected.times == 0) continue;
        if (injected.times != SIZE_MAX) --injected.times;
        injected.change(seen, reply);
    }
    if (reply.status == 0) throw Error(ErrorCode::UpstreamUnavailable, "no such host: " + origin);
    if (reply.silent) {
        while (!call.expired()) // a cancelled Call is noticed in time, as plugins must notice it
            _silence.wait_for(lock, std::min(call.remaining(), std::chrono::milliseconds(100)));
        throw Error(ErrorCode::DeadlineExceeded, "deadline passed while waiting for " + origin);
    }
    if (request.method == "HEAD") reply.body.clear();
    return std::make_unique<FakeResponse>(std::move(reply));
}

FakeRegistry::Reply FakeRegistry::answer(const Seen& request) {
    const std::string url = request.origin + withoutQuery(request.target);
    Reply reply;
    const auto page = _pages.find(url);
    if (page != _pages.end()) {
        reply.body = page->second;
        reply.set("Content-Type", media::OctetStream);
        reply.set("Content-Length", std::to_string(page->second.size()));
        return reply;
    }
    for (const auto& [origin, registry] : _registries)
        if (registry.access.kind == Access::Kind::Bearer && withoutQuery(registry.access.realm) == url)
            return answerToken(request, origin, registry);
    const auto registry = _registries.find(request.origin);
    if (registry != _registries.end()) return answerRegistry(request, registry->first, registry->second);
    const bool known = std::any_of(_pages.begin(), _pages.end(),
                                   [&](const auto& entry) { return split(entry.first).first == request.origin; });
    reply.status = known ? 404 : 0;
    return reply;
}

} // namespace wasmproxy::testing
