// SPDX-License-Identifier: Apache-2.0
#include "observe/LogText.h"

#include <cstdint>
#include <cstdio>

namespace wasmproxy::host {
namespace {

struct Character {
    std::uint32_t code;
    std::size_t length;
    bool valid;
};

/// Decodes one character strictly: no overlong forms, no surrogates. An invalid byte stands for itself.
Character decode(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::uint32_t first = byte(0);
    if (first < 0x80) return {first, 1, true};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return {first, 1, false};
    std::uint32_t code = first & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {first, 1, false};
        code = code << 6 | (byte(i) & 0x3F);
    }
    const std::uint32_t smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {first, 1, false};
    return {code, length, true};
}

/// Characters with which a value could forge lines, drive a terminal or reorder what a person reads.
bool mustEscape(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

void appendEscape(std::string& out, const char* format, std::uint32_t code) {
    char text[12];
    std::snprintf(text, sizeof text, format, static_cast<unsigned>(code));
    out += text;
}

void appendSpecial(std::string& out, std::uint32_t code) {
    switch (code) {
    case '\n':
        out += "\\n";
        break;
    case '\r':
        out += "\\r";
        break;
    case '\t':
        out += "\\t";
        break;
    default:
        appendEscape(out, "\\u%04x", code);
    }
}

std::string escape(std::string_view value, bool quoted, bool json) {
    std::string out;
    out.reserve(value.size() + 2);
    std::size_t used = 0;
    while (used < value.size()) {
        const Character c = decode(value.substr(used));
        if (used + c.length > MaxLogValue) {
            out += "…";
            break;
        }
        if (!c.valid) {
            if (json) {
                out += "\\ufffd";
            } else {
                appendEscape(out, "\\x%02x", c.code);
            }
        } else if (mustEscape(c.code)) {
            appendSpecial(out, c.code);
        } else if (quoted && (c.code == '"' || c.code == '\\')) {
            out += '\\';
            out += static_cast<char>(c.code);
        } else {
            out.append(value, used, c.length);
        }
        used += c.length;
    }
    return out;
}

} // namespace

std::string escapeLogText(std::string_view value, bool quoted) {
    return quoted ? '"' + escape(value, true, false) + '"' : escape(value, false, false);
}

bool needsLogQuotes(std::string_view value) {
    while (!value.empty()) {
        const Character c = decode(value);
        if (!c.valid || mustEscape(c.code) || c.code == ' ' || c.code == '"' || c.code == '\\' || c.code == '=')
            return true;
        value.remove_prefix(c.length);
    }
    return false;
}

std::string escapeLogJson(std::string_view value) {
    return '"' + escape(value, true, true) + '"';
}

} // namespace wasmproxy::host
