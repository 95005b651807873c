// SPDX-License-Identifier: Apache-2.0
#include "GoDuration.h"

#include <array>
#include <utility>

namespace wasmproxy::file {

namespace {

// Longest first where one begins with another.
constexpr std::array<std::pair<std::string_view, double>, 8> Units{{{"ms", 1.0},
                                                                    {"ns", 1e-6},
                                                                    {"us", 1e-3},
                                                                    {"\xc2\xb5s", 1e-3},
                                                                    {"\xce\xbcs", 1e-3},
                                                                    {"s", 1e3},
                                                                    {"m", 6e4},
                                                                    {"h", 3.6e6}}};
constexpr double MaxMilliseconds = 100.0 * 366 * 24 * 3.6e6;

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes "12" or "1.5" from the front.
std::optional<double> takeNumber(std::string_view& text) {
    double value = 0;
    double place = 1;
    bool digits = false;
    bool point = false;
    for (; !text.empty() && (isDigit(text.front()) || (text.front() == '.' && !point)); text.remove_prefix(1)) {
        if (text.front() == '.') {
            point = true;
            continue;
        }
        digits = true;
        const double digit = text.front() - '0';
        if (point) {
            place /= 10;
            value += digit * place;
        } else {
            value = value * 10 + digit;
        }
    }
    return digits ? std::optional<double>(value) : std::nullopt;
}

} // namespace

std::optional<std::chrono::milliseconds> parseGoDuration(std::string_view text) {
    if (text == "0") return std::chrono::milliseconds(0);
    if (text.empty() || text.size() > 64) return std::nullopt;
    double total = 0;
    while (!text.empty()) {
        const auto number = takeNumber(text);
        if (!number) return std::nullopt;
        bool known = false;
        for (const auto& [unit, milliseconds] : Units) {
            if (text.substr(0, unit.size()) != unit) continue;
            text.remove_prefix(unit.size());
            total += *number * milliseconds;
            known = true;
            break;
        }
        if (!known || !(total <= MaxMilliseconds)) return std::nullopt;
    }
    return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(total));
}

} // namespace wasmproxy::file
