// SPDX-License-Identifier: Apache-2.0
#include "FakeEncoding.h"

#include <algorithm>
#include <cstdint>

namespace wasmproxy::testing {

namespace {

const std::string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hexValue(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

std::string lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

std::string percentDecoded(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape =
            text[i] == '%' && i + 2 < text.size() && hexValue(text[i + 1]) >= 0 && hexValue(text[i + 2]) >= 0;
        result += escape ? static_cast<char>(hexValue(text[i + 1]) * 16 + hexValue(text[i + 2])) : text[i];
        if (escape) i += 2;
    }
    return result;
}

std::string base64Decoded(const std::string& text) {
    std::string result;
    std::uint32_t bits = 0;
    int count = 0;
    for (char c : text) {
        if (c == '-') c = '+';
        if (c == '_') c = '/';
        const std::size_t value = Alphabet.find(c);
        if (value == std::string::npos) break;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            result += static_cast<char>((bits >> count) & 0xff);
        }
    }
    return result;
}

std::map<std::string, std::string> formOf(const std::string& text) {
    std::map<std::string, std::string> result;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('&', at), text.size());
        const std::string pair = text.substr(at, end - at);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        std::string& value = result[percentDecoded(pair.substr(0, equals))];
        if (!value.empty()) value += ' ';
        if (equals < pair.size()) value += percentDecoded(pair.substr(equals + 1));
        at = end + 1;
    }
    return result;
}

bool holds(const std::string& text, const std::string& canary) {
    if (canary.empty()) return false;
    if (text.find(canary) != std::string::npos || percentDecoded(text).find(canary) != std::string::npos) return true;
    const std::string words = "+/-_=";
    for (std::size_t at = 0; at < text.size();) {
        const auto isWord = [&](char c) {
            return Alphabet.find(c) != std::string::npos || words.find(c) != std::string::npos;
        };
        if (!isWord(text[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < text.size() && isWord(text[end]))
            ++end;
        for (std::size_t shift = 0; shift < 4 && at + shift < end; ++shift)
            if (base64Decoded(text.substr(at + shift, end - at - shift)).find(canary) != std::string::npos) return true;
        at = end;
    }
    return false;
}

} // namespace wasmproxy::testing
