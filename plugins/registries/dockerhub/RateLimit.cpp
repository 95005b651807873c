// SPDX-License-Identifier: Apache-2.0
#include "RateLimit.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace wasmproxy::dockerhub {

namespace {

constexpr std::chrono::seconds UsualWindow{6 * 3600};
constexpr std::uint64_t LongestWindow = 31 * 24 * 3600;

std::optional<std::uint64_t> numberOf(std::string_view text) {
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) return {};
    return value;
}

/// `100;w=21600`: 100 pulls in 21,600 s; the window may be left out.
std::optional<std::uint64_t> countIn(std::string_view value, std::optional<std::chrono::seconds>& window) {
    const std::size_t end = value.find(';');
    const auto count = numberOf(value.substr(0, end));
    if (!count || end == std::string_view::npos) return count;
    const std::string_view rest = value.substr(end + 1);
    const auto seconds = rest.substr(0, 2) == "w=" ? numberOf(rest.substr(2)) : std::nullopt;
    if (seconds && *seconds > 0 && *seconds <= LongestWindow)
        window = std::chrono::seconds(static_cast<std::int64_t>(*seconds));
    return count;
}

/// An address or an account's id; what else stands there is not shown to anybody.
std::string sourceIn(const std::string& value) {
    const bool plain = value.size() <= 64 && std::all_of(value.begin(), value.end(), [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  c == '.' || c == ':' || c == '-' || c == '/';
                       });
    return plain ? value : std::string();
}

} // namespace

void RateLimit::read(const HttpResponse& response) {
    Measurement now;
    now.limit = countIn(response.header("ratelimit-limit"), now.window);
    now.remaining = countIn(response.header("ratelimit-remaining"), now.window);
    if (!now.limit && !now.remaining) return;
    now.measuredAt = _host.now();
    now.source = sourceIn(response.header("docker-ratelimit-source"));
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _last = now;
        const bool low = now.limit && now.remaining && *now.remaining < *now.limit / 10.0;
        if (!low || now.measuredAt < _saidUntil) return;
        _saidUntil = now.measuredAt + now.window.value_or(UsualWindow);
    }
    _host.log(LogLevel::Information, "Docker Hub allows " + std::to_string(*now.remaining) + " more pulls of " +
                                         std::to_string(*now.limit) + " in " +
                                         std::to_string(now.window.value_or(UsualWindow).count()) + " s" +
                                         (now.source.empty() ? "" : ", counted for " + now.source));
}

std::optional<RegistryHealth::Measurement> RateLimit::measurement() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _last;
}

} // namespace wasmproxy::dockerhub
