// SPDX-License-Identifier: Apache-2.0
#include "net/Target.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <strings.h>

namespace wasmproxy::host {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorCode::Internal, "the transport was given a URL that " + why);
}

void checkText(const std::string& url) {
    const bool bad = std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f; });
    if (bad) refuse("has a space, a control character or a byte outside ASCII");
    if (url.find('#') != std::string::npos) refuse("has a fragment");
    if (url.find('\\') != std::string::npos) refuse("has a backslash");
    const std::size_t scheme = strncasecmp(url.c_str(), "http://", 7) == 0    ? 7
                               : strncasecmp(url.c_str(), "https://", 8) == 0 ? 8
                                                                              : 0;
    if (scheme == 0) refuse("is not absolute http or https");
    const std::size_t end = std::min(url.find_first_of("/?", scheme), url.size());
    if (end == scheme) refuse("has no host");
    if (url.substr(scheme, end - scheme).find('@') != std::string::npos) refuse("has user info");
}

} // namespace

std::string normalisedHost(std::string_view host) {
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    if (!host.empty() && host.back() == '.') host.remove_suffix(1);
    std::string text(host);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    in6_addr address{};
    char shortest[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, text.c_str(), &address) == 1 &&
        inet_ntop(AF_INET6, &address, shortest, sizeof(shortest)) != nullptr) {
        return shortest;
    }
    return text;
}

std::optional<sockaddr_storage> literalAddress(const std::string& host) {
    sockaddr_storage storage{};
    sockaddr_in in{};
    sockaddr_in6 in6{};
    if (inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1) {
        in.sin_family = AF_INET;
        std::memcpy(&storage, &in, sizeof(in));
        return storage;
    }
    if (inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
        in6.sin6_family = AF_INET6;
        std::memcpy(&storage, &in6, sizeof(in6));
        return storage;
    }
    return std::nullopt;
}

Target::Target(const std::string& url) : _url(curl_url(), curl_url_cleanup) {
    if (!_url) throw std::bad_alloc();
    checkText(url);
    const CURLUcode code = curl_url_set(_url.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
    if (code != CURLUE_OK) refuse(std::string("does not parse: ") + curl_url_strerror(code));

    const std::string written = part(CURLUPART_HOST);
    _host = normalisedHost(written);
    if (_host.empty()) refuse("has no host");
    const std::string port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
    _port = static_cast<unsigned>(std::stoul(port));
    const std::string shown = _host.find(':') != std::string::npos ? "[" + _host + "]" : _host;
    _hostPort = shown + ":" + port;
    const std::string explicitPort = part(CURLUPART_PORT);
    _registry = explicitPort.empty() ? shown : shown + ":" + explicitPort;
    _origin = part(CURLUPART_SCHEME) + "://" + _hostPort;
}

std::string Target::part(CURLUPart what, unsigned flags) const {
    char* text = nullptr;
    if (curl_url_get(_url.get(), what, &text, flags) != CURLUE_OK) return {};
    std::string result(text);
    curl_free(text);
    return result;
}

} // namespace wasmproxy::host
