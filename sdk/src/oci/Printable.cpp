// SPDX-License-Identifier: Apache-2.0
#include "Printable.h"

namespace wasmproxy {

std::string printable(std::string_view text) {
    constexpr std::size_t Limit = 80;
    std::string result;
    for (const char c : text.substr(0, Limit))
        result += c >= 0x20 && c < 0x7f ? c : '?';
    if (text.size() > Limit) result += "...";
    return result;
}

} // namespace wasmproxy
