// SPDX-License-Identifier: Apache-2.0
#include "dataplane/JsonText.h"

#include <cstdio>

namespace wasmproxy::host {

namespace {

constexpr char32_t Replacement = 0xfffd;

void escape(std::string& out, char32_t unit) {
    char text[8];
    std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(unit) & 0xffffu);
    out += text;
}

/// The code point at `i`, which moves past it, or past one byte where there is none.
char32_t decode(std::string_view text, std::size_t& i) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char lead = at(i);
    const std::size_t size = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
    char32_t point = size == 1 ? lead : size == 2 ? lead & 0x1fu : size == 3 ? lead & 0x0fu : lead & 0x07u;
    bool good = size != 0 && i + size <= text.size();
    for (std::size_t k = 1; good && k < size; ++k) {
        good = (at(i + k) & 0xc0) == 0x80;
        point = point << 6 | (at(i + k) & 0x3fu);
    }
    good = good && !(size == 3 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) &&
           !(size == 4 && (point < 0x10000 || point > 0x10ffff));
    i += good ? size : 1;
    return good ? point : Replacement;
}

} // namespace

std::string jsonText(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        const char32_t point = decode(text, i);
        if (point == '"' || point == '\\') {
            out += '\\';
            out += static_cast<char>(point);
        } else if (point >= 0x20 && point < 0x7f) {
            out += static_cast<char>(point);
        } else if (point < 0x10000) {
            escape(out, point);
        } else {
            escape(out, 0xd800 + ((point - 0x10000) >> 10));
            escape(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
        }
    }
    return out += '"';
}

} // namespace wasmproxy::host
