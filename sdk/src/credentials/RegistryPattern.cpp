// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/RegistryPattern.h"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace wasmproxy {

namespace {

bool startsWith(std::string_view text, std::string_view head) {
    return text.substr(0, head.size()) == head;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
        return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
    });
    return result;
}

std::vector<std::string> labelsOf(std::string_view host) {
    if (startsWith(host, "[")) {
        const std::size_t close = host.find(']');
        if (close == host.size() - 1 && host.find(':') != std::string_view::npos) return {std::string(host)};
    }
    std::vector<std::string> labels;
    for (std::size_t begin = 0;;) {
        const std::size_t dot = host.find('.', begin);
        labels.emplace_back(host.substr(begin, dot == std::string_view::npos ? dot : dot - begin));
        if (dot == std::string_view::npos) return labels;
        begin = dot + 1;
    }
}

/// Splits "host:port"; a colon inside "[…]" belongs to the host.
std::pair<std::string_view, std::string_view> splitPort(std::string_view authority) {
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos) return {authority, {}};
    const std::size_t close = authority.rfind(']');
    if (close != std::string_view::npos && colon < close) return {authority, {}};
    return {authority.substr(0, colon), authority.substr(colon + 1)};
}

/// Does the class that begins at pattern[at] ('[') take `c`? `at` is moved behind it. An open bracket takes a '['.
bool matchClass(std::string_view pattern, std::size_t& at, char c) {
    const std::size_t close = pattern.find(']', at + 2);
    if (close == std::string_view::npos) {
        ++at;
        return c == '[';
    }
    std::size_t i = at + 1;
    const bool negated = pattern[i] == '^' || pattern[i] == '!';
    if (negated) ++i;
    bool found = false;
    for (; i < close; ++i) {
        const char low = pattern[i];
        char high = low;
        if (i + 2 < close && pattern[i + 1] == '-') {
            high = pattern[i + 2];
            i += 2;
        }
        found = found || (low <= c && c <= high);
    }
    at = close + 1;
    return found != negated;
}

} // namespace

bool matchGlob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos; // behind the last '*' seen, and where its text ended when tried last
    std::size_t mark = 0;
    while (t < text.size()) {
        bool taken = false;
        if (p < pattern.size()) {
            if (pattern[p] == '*') {
                star = ++p;
                mark = t;
                continue;
            }
            if (pattern[p] == '[') {
                taken = matchClass(pattern, p, text[t]);
            } else {
                taken = pattern[p] == '?' || pattern[p] == text[t];
                ++p;
            }
        }
        if (taken) {
            ++t;
        } else if (star != std::string_view::npos) {
            p = star;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

std::optional<RegistryPattern> RegistryPattern::parse(std::string_view key) {
    const std::string text = lower(key);
    std::string_view rest = text;
    bool url = false;
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (!url && startsWith(rest, scheme)) {
            rest.remove_prefix(scheme.size());
            url = true;
        }
    }
    for (const char c : rest)
        if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f || c == '@' || c == '\\')
            return std::nullopt;

    const std::size_t slash = rest.find('/');
    std::string_view path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    if (startsWith(path, "/v1/") || startsWith(path, "/v2/"))
        path.remove_prefix(3);
    else if (url && (path == "/v1" || path == "/v2"))
        path = {};
    while (!path.empty() && path.front() == '/')
        path.remove_prefix(1);
    while (!path.empty() && path.back() == '/')
        path.remove_suffix(1);

    auto [host, port] = splitPort(rest.substr(0, slash));
    if (rest.substr(0, slash).size() != host.size() && port.empty()) return std::nullopt; // "host:"
    if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
    // Docker Hub's credentials are kept under the name of its old index, whatever asks for them.
    if (port.empty() && (host == "index.docker.io" || host == "registry-1.docker.io")) host = "docker.io";

    RegistryPattern result;
    result._labels = labelsOf(host);
    for (const std::string& label : result._labels)
        if (label.empty()) return std::nullopt;
    const bool literal = result._labels.size() == 1 && host.front() == '[' && host.find(':') != std::string_view::npos;
    result._glob = !literal && host.find_first_of("*?[") != std::string_view::npos;
    if (!result._glob && !literal && host.find(':') != std::string_view::npos) return std::nullopt; // bare IPv6
    result._port = port;
    result._path = path;
    result._hostSize = host.size();
    return result;
}

bool RegistryPattern::matches(const Repository& repository) const {
    const auto [host, port] = splitPort(repository.host());
    if (port != _port) return false;
    const std::vector<std::string> labels = labelsOf(host);
    if (labels.size() != _labels.size()) return false;
    for (std::size_t i = 0; i < labels.size(); ++i)
        if (_glob ? !matchGlob(_labels[i], labels[i]) : _labels[i] != labels[i]) return false;
    if (_path.empty()) return true;
    const std::string& path = repository.path();
    return path.compare(0, _path.size(), _path) == 0 && (path.size() == _path.size() || path[_path.size()] == '/');
}

bool RegistryPattern::moreSpecific(const RegistryPattern& a, const RegistryPattern& b) {
    // Descending but for _glob: literal hosts first.
    return std::make_tuple(!a._glob, a._path.size(), a._hostSize) >
           std::make_tuple(!b._glob, b._path.size(), b._hostSize);
}

} // namespace wasmproxy
