// SPDX-License-Identifier: Apache-2.0
#include "RedisUrl.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace wasmproxy::redis {

namespace {

constexpr const char* Expected = "expected redis://host:port/database or rediss://host:port/database (TLS), such as "
                                 "rediss://redis.example:6379/0";

bool beginsWith(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

template <class Number>
bool number(std::string_view text, Number least, Number most, Number& value) {
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    return result.ec == std::errc() && result.ptr == end && value >= least && value <= most;
}

bool isHost(std::string_view text) {
    constexpr std::string_view More = ".-_";
    return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               More.find(c) != std::string_view::npos;
    });
}

} // namespace

std::optional<RedisUrl> RedisUrl::parse(const std::string& text, std::string& problem) {
    RedisUrl url;
    std::string_view rest = text;
    problem = Expected;
    if (beginsWith(rest, "redis://")) {
        rest.remove_prefix(8);
    } else if (beginsWith(rest, "rediss://")) {
        url.tls = true;
        rest.remove_prefix(9);
    } else {
        return std::nullopt;
    }
    if (rest.find('@') != std::string_view::npos) {
        problem = "a URL holds no user and no password: write `username` and `password-file`";
        return std::nullopt;
    }
    const auto slash = rest.find('/');
    const std::string_view database = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    if (!database.empty() && !number(database, 0u, 65535u, url.database)) return std::nullopt;
    std::string_view port;
    if (beginsWith(rest, "[")) {
        const auto close = rest.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        url.host = rest.substr(1, close - 1);
        rest.remove_prefix(close + 1);
        const bool address = url.host.find(':') != std::string::npos &&
                             url.host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
        if (!address || (!rest.empty() && rest.front() != ':')) return std::nullopt;
        if (!rest.empty()) port = rest.substr(1);
    } else {
        const auto colon = rest.find(':');
        url.host = rest.substr(0, colon);
        if (!isHost(url.host)) return std::nullopt;
        if (colon != std::string_view::npos) {
            port = rest.substr(colon + 1);
            rest.remove_prefix(colon);
        } else {
            rest = {};
        }
    }
    if (!rest.empty() && !number(port, 1, 65535, url.port)) return std::nullopt;
    problem.clear();
    return url;
}

std::string RedisUrl::authority() const {
    const bool brackets = host.find(':') != std::string::npos;
    return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

} // namespace wasmproxy::redis
