// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/oci/Repository.h"

#include "wasmproxy/oci/Error.h"

#include "Printable.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace wasmproxy {

namespace {

constexpr std::size_t LongestName = 255;
constexpr std::size_t LongestHostName = 253;
constexpr std::size_t LongestLabel = 63;

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}
bool isLower(char c) {
    return c >= 'a' && c <= 'z';
}
bool isAlphanumeric(char c) {
    return isDigit(c) || isLower(c);
}

[[noreturn]] void refuse(std::string_view what, std::string_view text, const char* why) {
    throw Error(ErrorCode::ReferenceInvalid,
                "the " + std::string(what) + " '" + printable(text) + "' is not valid: " + why);
}

void checkPort(std::string_view host, std::string_view port) {
    int number = 0;
    const bool digits =
        !port.empty() && port.size() <= 5 && port.front() != '0' && std::all_of(port.begin(), port.end(), isDigit);
    if (digits)
        for (const char c : port)
            number = number * 10 + (c - '0');
    if (!digits || number > 65535) refuse("registry host", host, "its port must be a number from 1 to 65535");
}

// A last label of digits (or 0x…) makes resolvers read the whole as an IPv4 address in one of its odd spellings.
bool looksNumeric(std::string_view label) {
    if (label.size() >= 2 && label[0] == '0' && label[1] == 'x') return true;
    return std::all_of(label.begin(), label.end(), isDigit);
}

void checkName(std::string_view host, const std::string& name) {
    if (name.empty()) refuse("registry host", host, "the name is empty");
    if (name.size() > LongestHostName) refuse("registry host", host, "the name is longer than 253 characters");
    std::string_view rest = name;
    std::string_view label;
    for (bool more = true; more;) {
        const auto dot = rest.find('.');
        label = rest.substr(0, dot);
        more = dot != std::string_view::npos;
        if (more) rest.remove_prefix(dot + 1);
        if (label.empty()) refuse("registry host", host, "a part between dots is empty");
        if (label.size() > LongestLabel) refuse("registry host", host, "a part is longer than 63 characters");
        if (!std::all_of(label.begin(), label.end(), [](char c) { return isAlphanumeric(c) || c == '-'; }))
            refuse("registry host", host, "only letters, digits, '-' and '.' may stand in a host name");
        if (label.front() == '-' || label.back() == '-')
            refuse("registry host", host, "a part begins or ends with '-'");
    }
    in_addr address{};
    if (looksNumeric(label) && inet_pton(AF_INET, name.c_str(), &address) != 1)
        refuse("registry host", host, "an IPv4 address is written as four decimal numbers");
}

// The host without brackets and port, checked; `port` gets what follows the colon.
std::string normalisedHost(std::string_view host) {
    std::string text(host);
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (text.empty()) refuse("registry host", host, "it is empty");
    if (text.find('@') != std::string::npos) refuse("registry host", host, "user names do not belong in a reference");

    if (text.front() == '[') {
        const auto close = text.find(']');
        in6_addr address{};
        if (close == std::string::npos || inet_pton(AF_INET6, text.substr(1, close - 1).c_str(), &address) != 1)
            refuse("registry host", host, "between '[' and ']' stands an IPv6 address");
        const std::string rest = text.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') refuse("registry host", host, "after ']' comes ':' and a port");
        if (!rest.empty()) checkPort(host, rest.substr(1));
        std::array<char, INET6_ADDRSTRLEN> canonical{};
        inet_ntop(AF_INET6, &address, canonical.data(), canonical.size());
        return "[" + std::string(canonical.data()) + "]" + rest;
    }

    const auto colon = text.find(':');
    std::string name = text.substr(0, colon);
    if (name.size() > 1 && name.back() == '.') name.pop_back();
    checkName(host, name);
    if (colon != std::string::npos) {
        checkPort(host, std::string_view(text).substr(colon + 1));
        return name + text.substr(colon);
    }
    // Its canonical form would read as a path on Docker Hub.
    if (name != "localhost" && name.find('.') == std::string::npos)
        refuse("registry host", host, "a host name without a dot needs a port");
    if (name == "index.docker.io" || name == "registry-1.docker.io") return "docker.io";
    return name;
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool isComponent(std::string_view text) {
    if (text.empty() || !isAlphanumeric(text.front()) || !isAlphanumeric(text.back())) return false;
    for (std::size_t i = 0; i < text.size();) {
        if (isAlphanumeric(text[i])) {
            ++i;
            continue;
        }
        const std::size_t begin = i;
        while (i < text.size() && !isAlphanumeric(text[i]))
            ++i;
        const auto separator = text.substr(begin, i - begin);
        const bool dashes = std::all_of(separator.begin(), separator.end(), [](char c) { return c == '-'; });
        if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    }
    return true;
}

void checkPath(std::string_view path) {
    if (path.empty()) refuse("repository path", path, "it is empty");
    std::string_view rest = path;
    for (bool more = true; more;) {
        const auto slash = rest.find('/');
        const auto component = rest.substr(0, slash);
        more = slash != std::string_view::npos;
        if (more) rest.remove_prefix(slash + 1);
        if (component.empty()) refuse("repository path", path, "a part between slashes is empty");
        if (std::any_of(component.begin(), component.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
            refuse("repository path", path, "upper-case letters are not allowed");
        if (!isComponent(component))
            refuse("repository path", path,
                   "parts are lower-case letters and digits, joined by single '.', '_', '__' or '-'");
    }
}

} // namespace

Repository::Repository(std::string_view host, std::string_view path) : _host(normalisedHost(host)), _path(path) {
    checkPath(path);
    if (_host == "docker.io" && _path.find('/') == std::string::npos) _path.insert(0, "library/");
    if (_host.size() + 1 + _path.size() > LongestName)
        refuse("repository name", str(), "it is longer than 255 characters");
}

std::string Repository::hostName() const {
    if (!_host.empty() && _host.front() == '[') return _host.substr(1, _host.find(']') - 1);
    return _host.substr(0, _host.find(':'));
}

} // namespace wasmproxy
