// SPDX-License-Identifier: Apache-2.0
#include "dataplane/ByteRange.h"

#include <algorithm>
#include <optional>

namespace wasmproxy::host {

namespace {

/// Saturates: a position past any size is merely past this one.
std::optional<std::uint64_t> number(std::string_view digits) noexcept {
    if (digits.empty()) return {};
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') return {};
        const auto digit = static_cast<std::uint64_t>(c - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    return value;
}

} // namespace

ByteRange ByteRange::parse(std::string_view header, std::uint64_t size) noexcept {
    constexpr std::string_view Unit = "bytes=";
    const auto same = [](char a, char b) { return (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b) == a; };
    if (header.size() < Unit.size() || !std::equal(Unit.begin(), Unit.end(), header.begin(), same)) return {};
    std::string_view spec = header.substr(Unit.size());
    while (!spec.empty() && (spec.front() == ' ' || spec.front() == '\t'))
        spec.remove_prefix(1);
    const std::size_t dash = spec.find('-');
    if (dash == std::string_view::npos) return {};
    const auto first = number(spec.substr(0, dash));
    const auto last = number(spec.substr(dash + 1));
    ByteRange range;
    if (dash == 0) {
        if (!last) return {};
        if (*last == 0 || size == 0) return {Kind::Unsatisfiable, 0, 0};
        range.length = std::min(*last, size);
        range.offset = size - range.length;
    } else {
        if (!first || (!last && dash + 1 != spec.size()) || (last && *last < *first)) return {};
        if (*first >= size) return {Kind::Unsatisfiable, 0, 0};
        range.offset = *first;
        range.length = last ? std::min(*last - *first, size - *first - 1) + 1 : size - *first;
    }
    range.kind = Kind::Part;
    return range;
}

} // namespace wasmproxy::host
