// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Settings.h"

#include <charconv>
#include <limits>
#include <string_view>

namespace wasmproxy {

namespace {

struct Unit {
    const char* name;
    std::uint64_t factor;
};

constexpr Unit DurationUnits[] = {
    {"d", 24ull * 3600 * 1000}, {"h", 3600ull * 1000}, {"m", 60ull * 1000}, {"s", 1000}, {"ms", 1}};
constexpr Unit SizeUnits[] = {
    {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}};

constexpr const char* DurationExpected = "a duration is expected: digits and one of ms, s, m, h, d, for example 12s";
constexpr const char* SizeExpected = "a size is expected: digits and one of B, KiB, MiB, GiB, TiB, for example 64MiB";

/// Digits only, and what follows them; false where there are none or too many.
bool takeDigits(const std::string& text, std::uint64_t& number, std::string_view& rest) {
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    if (result.ec != std::errc()) return false;
    rest = std::string_view(result.ptr, static_cast<std::size_t>(end - result.ptr));
    return true;
}

template <std::size_t N>
bool takeUnit(const std::string& text, const Unit (&units)[N], std::uint64_t limit, std::uint64_t& value) {
    std::uint64_t number = 0;
    std::string_view rest;
    if (!takeDigits(text, number, rest)) return false;
    for (const auto& unit : units) {
        if (rest != unit.name) continue;
        if (number > limit / unit.factor) return false;
        value = number * unit.factor;
        return true;
    }
    return false;
}

/// With the largest unit that divides it, so that it reads back as the same value.
template <std::size_t N>
std::string withUnit(std::uint64_t value, const Unit (&units)[N], const char* zero) {
    if (value == 0) return zero;
    for (const auto& unit : units)
        if (value % unit.factor == 0) return std::to_string(value / unit.factor) + unit.name;
    return {};
}

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

} // namespace

std::string parseSetting(const std::string& text, std::string& value) {
    for (const unsigned char c : text)
        if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
            return "text without control characters is expected";
    value = text;
    return {};
}

std::string parseSetting(const std::string& text, bool& value) {
    if (text != "true" && text != "false") return "true or false is expected";
    value = text == "true";
    return {};
}

std::string parseSetting(const std::string& text, std::uint64_t& value) {
    std::uint64_t number = 0;
    std::string_view rest;
    if (!takeDigits(text, number, rest) || !rest.empty())
        return "a count is expected: digits only, at most 18446744073709551615, for example 1000";
    value = number;
    return {};
}

std::string parseSetting(const std::string& text, Bytes& value) {
    std::uint64_t number = 0;
    std::string_view rest;
    if (takeDigits(text, number, rest) && rest.empty()) {
        value.value = number;
        return {};
    }
    if (!takeUnit(text, SizeUnits, std::numeric_limits<std::uint64_t>::max(), number)) return SizeExpected;
    value.value = number;
    return {};
}

std::string parseSetting(const std::string& text, std::chrono::milliseconds& value) {
    // A hundred years: a deadline so far away still fits into a clock of nanoseconds.
    constexpr std::uint64_t Longest = 36500ull * 24 * 3600 * 1000;
    std::uint64_t number = 0;
    if (!takeUnit(text, DurationUnits, Longest, number)) return DurationExpected;
    value = std::chrono::milliseconds(static_cast<std::int64_t>(number));
    return {};
}

std::string parseSetting(const std::string& text, std::vector<std::string>& value) {
    std::vector<std::string> items;
    if (!trimmed(text).empty()) {
        std::string_view rest = text;
        for (bool more = true; more;) {
            const auto comma = rest.find(',');
            more = comma != std::string_view::npos;
            items.push_back(trimmed(rest.substr(0, comma)));
            if (items.back().empty()) return "a list is expected: values between commas, none empty, for example a, b";
            if (more) rest.remove_prefix(comma + 1);
        }
    }
    value = std::move(items);
    return {};
}

std::string printSetting(const std::string& value) {
    return value;
}
std::string printSetting(bool value) {
    return value ? "true" : "false";
}
std::string printSetting(std::uint64_t value) {
    return std::to_string(value);
}
std::string printSetting(Bytes value) {
    return withUnit(value.value, SizeUnits, "0B");
}

std::string printSetting(std::chrono::milliseconds value) {
    return withUnit(static_cast<std::uint64_t>(value.count()), DurationUnits, "0s");
}

std::string printSetting(const std::vector<std::string>& value) {
    std::string text;
    for (const auto& item : value)
        text += (text.empty() ? "" : ", ") + item;
    return text;
}

const char* settingType(const std::string&) {
    return "text";
}
const char* settingType(bool) {
    return "true/false";
}
const char* settingType(std::uint64_t) {
    return "count";
}
const char* settingType(Bytes) {
    return "size";
}
const char* settingType(std::chrono::milliseconds) {
    return "duration";
}
const char* settingType(const std::vector<std::string>&) {
    return "list";
}

} // namespace wasmproxy
