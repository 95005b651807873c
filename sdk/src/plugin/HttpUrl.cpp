// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/HttpUrl.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdint>
#include <vector>

namespace wasmproxy {

namespace {

constexpr std::size_t MaximumLength = 16 * 1024;

[[noreturn]] void refuse(const std::string& what, const char* why) {
    throw Error(ErrorCode::UpstreamInvalid, "the " + what + " is not usable: " + why);
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool isDigit(char c) {
    return c >= '0' && c <= '9';
}
bool isAlpha(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

/// "https:" -> 5; npos where the text does not begin with a scheme.
std::size_t schemeLength(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == ':') return i == 0 ? std::string_view::npos : i;
        if (!isAlpha(c) && !(i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'))) break;
    }
    return std::string_view::npos;
}

/// Would some resolver read this name as a number? Then it must be a plain dotted quad. Source: WHATWG URL, 3.5.
bool endsInNumber(const std::string& host) {
    const std::string last = host.substr(host.rfind('.') == std::string::npos ? 0 : host.rfind('.') + 1);
    if (std::all_of(last.begin(), last.end(), isDigit)) return true;
    return last.size() > 1 && last[0] == '0' && last[1] == 'x';
}

/// RFC 3986, 5.2.4.
std::string withoutDotSegments(std::string_view path) {
    std::vector<std::string_view> kept;
    bool folder = true;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t next = std::min(path.find('/', at + 1), path.size());
        const std::string_view segment = path.substr(at + 1, next - at - 1);
        folder = segment == "." || segment == "..";
        if (segment == "..") {
            if (!kept.empty()) kept.pop_back();
        } else if (segment != ".") {
            kept.push_back(segment);
        }
        at = next;
    }
    std::string result;
    for (const auto& segment : kept)
        result.append("/").append(segment);
    if (folder) result += '/';
    return result;
}

bool isPrivate4(std::uint32_t a) {
    const auto in = [a](std::uint32_t net, int bits) { return (a >> (32 - bits)) == (net >> (32 - bits)); };
    return in(0x00000000, 8) || in(0x0a000000, 8) || in(0x64400000, 10) || in(0x7f000000, 8) || in(0xa9fe0000, 16) ||
           in(0xac100000, 12) || in(0xc0000000, 24) || in(0xc0a80000, 16) || in(0xc6120000, 15) || a >= 0xe0000000;
}

} // namespace

HttpUrl HttpUrl::parse(std::string_view text, const std::string& what) {
    if (text.empty()) refuse(what, "it is empty");
    if (text.size() > MaximumLength) refuse(what, "it is longer than 16 KiB");
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7f) refuse(what, "it holds a space or a control character");
        if (c == '\\') refuse(what, "it holds a backslash");
    }
    HttpUrl url;
    const std::size_t colon = schemeLength(text);
    if (colon == std::string_view::npos || text.substr(colon, 3) != "://") refuse(what, "it is not an absolute URL");
    url._scheme.assign(text.substr(0, colon));
    std::transform(url._scheme.begin(), url._scheme.end(), url._scheme.begin(), lower);
    if (url._scheme != "http" && url._scheme != "https") refuse(what, "its scheme is neither http nor https");
    text.remove_prefix(colon + 3);
    const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
    url.setAuthority(text.substr(0, end), what);
    url.setTarget(text.substr(end));
    return url;
}

HttpUrl HttpUrl::resolve(std::string_view location, const std::string& what) const {
    if (schemeLength(location) != std::string_view::npos) return parse(location, what);
    if (location.empty()) refuse(what, "it is empty");
    if (location.substr(0, 2) == "//") return parse(_scheme + ":" + std::string(location), what);
    const std::size_t pathEnd = std::min(location.find_first_of("?#"), location.size());
    std::string path(location.substr(0, pathEnd));
    const std::string ownPath = _target.substr(0, _target.find('?'));
    if (path.empty()) {
        path = ownPath;
    } else if (path[0] != '/') {
        path = withoutDotSegments(ownPath.substr(0, ownPath.rfind('/') + 1) + path);
    }
    return parse(origin() + path + std::string(location.substr(pathEnd)), what);
}

void HttpUrl::setAuthority(std::string_view text, const std::string& what) {
    if (text.find('@') != std::string_view::npos) refuse(what, "it holds a user name or password");
    std::string_view host = text;
    std::string_view port;
    if (!text.empty() && text[0] == '[') {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) refuse(what, "its host is malformed");
        host = text.substr(1, close - 1);
        const std::string_view rest = text.substr(close + 1);
        if (!rest.empty() && rest[0] != ':') refuse(what, "its host is malformed");
        port = rest.empty() ? rest : rest.substr(1);
        in6_addr address{};
        char canonical[INET6_ADDRSTRLEN];
        if (inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1)
            refuse(what, "its IPv6 address is malformed");
        _host = inet_ntop(AF_INET6, &address, canonical, sizeof canonical);
        _address = true;
    } else {
        const std::size_t colon = text.find(':');
        host = text.substr(0, colon);
        port = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
        if (!host.empty() && host.back() == '.') host.remove_suffix(1);
        _host.assign(host);
        std::transform(_host.begin(), _host.end(), _host.begin(), lower);
        if (_host.empty() || _host.size() > 253 || _host.front() == '.' || _host.back() == '.' ||
            _host.find("..") != std::string::npos)
            refuse(what, "its host is malformed");
        for (const char c : _host)
            if (!isDigit(c) && !isAlpha(c) && c != '-' && c != '.' && c != '_') refuse(what, "its host is malformed");
        in_addr address{};
        _address = inet_pton(AF_INET, _host.c_str(), &address) == 1;
        if (!_address && endsInNumber(_host)) refuse(what, "its host is a number but not a plain IPv4 address");
    }
    _port = secure() ? 443 : 80;
    if (port.empty()) return;
    if (port.size() > 5 || !std::all_of(port.begin(), port.end(), isDigit)) refuse(what, "its port is malformed");
    _port = std::stoi(std::string(port));
    if (_port < 1 || _port > 65535) refuse(what, "its port is malformed");
}

void HttpUrl::setTarget(std::string_view text) {
    text = text.substr(0, text.find('#'));
    if (text.empty() || text[0] != '/') _target = '/';
    static const char* const hex = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            _target += c;
        } else {
            _target.append({'%', hex[byte >> 4], hex[byte & 15]});
        }
    }
}

bool HttpUrl::isPrivateAddress() const noexcept {
    if (!_address) return false;
    in_addr four{};
    if (inet_pton(AF_INET, _host.c_str(), &four) == 1) return isPrivate4(ntohl(four.s_addr));
    in6_addr six{};
    if (inet_pton(AF_INET6, _host.c_str(), &six) != 1) return true;
    // Only global unicast is public, and of that not the ranges that embed an IPv4 address (6to4, Teredo).
    const std::uint8_t* b = six.s6_addr;
    const bool global = (b[0] & 0xe0) == 0x20;
    const bool embedding = (b[0] == 0x20 && b[1] == 0x02) || (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0);
    return !global || embedding;
}

bool HttpUrl::isMetadataAddress() const noexcept {
    if (!_address) return false;
    in_addr four{};
    if (inet_pton(AF_INET, _host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 16) == 0xa9fe; // 169.254/16
    in6_addr six{};
    if (inet_pton(AF_INET6, _host.c_str(), &six) != 1) return true;
    const std::uint8_t* b = six.s6_addr;
    return (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || (b[0] == 0xfd && b[1] == 0 && b[2] == 0x0e && b[3] == 0xc2);
}

std::string HttpUrl::authority() const {
    const std::string host = _host.find(':') == std::string::npos ? _host : "[" + _host + "]";
    return _port == (secure() ? 443 : 80) ? host : host + ":" + std::to_string(_port);
}

std::string HttpUrl::shown() const {
    return origin() + _target.substr(0, _target.find('?'));
}

std::string percentEncode(std::string_view text) {
    static const char* const hex = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (isDigit(c) || isAlpha(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            result += c;
        } else {
            result.append({'%', hex[byte >> 4], hex[byte & 15]});
        }
    }
    return result;
}

} // namespace wasmproxy
