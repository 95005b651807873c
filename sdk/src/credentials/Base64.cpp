// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/Base64.h"

#include "wasmproxy/plugin/Secret.h"

#include <cstdint>

namespace wasmproxy {

namespace {

int valueOf(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

} // namespace

std::optional<std::string> decodeBase64(std::string_view text) {
    std::string result;
    result.reserve(text.size()); // never grows, so that no copy of a secret is left behind
    std::uint32_t bits = 0;
    std::size_t digits = 0;
    std::size_t padding = 0;
    bool good = true;
    for (const char c : text) {
        if (c == '\n' || c == '\r') continue;
        if (c == '=') {
            ++padding;
            continue;
        }
        const int value = valueOf(c);
        if (value < 0 || padding > 0) {
            good = false;
            break;
        }
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if (++digits % 4 != 1) result.push_back(static_cast<char>(bits >> (6 - 2 * ((digits - 1) % 4))));
    }
    // One digit over is no byte; padding, where there is any, completes the last group.
    good = good && digits % 4 != 1 && (padding == 0 || (padding <= 2 && (digits + padding) % 4 == 0));
    if (good) return result;
    Secret::wipe(result);
    return std::nullopt;
}

} // namespace wasmproxy
