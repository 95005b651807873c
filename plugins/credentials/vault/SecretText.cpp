// SPDX-License-Identifier: Apache-2.0
#include "SecretText.h"

namespace wasmproxy::vault {

namespace {

void appendString(std::string& out, std::string_view text) {
    constexpr char Digits[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20) {
            out.append("\\u00") += Digits[byte >> 4];
            out += Digits[byte & 15];
        } else {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
    }
    out += '"';
}

} // namespace

Secret jsonObject(const std::vector<std::pair<std::string_view, std::string_view>>& members) {
    std::size_t size = 2;
    for (const auto& [name, value] : members)
        size += 6 * (name.size() + value.size()) + 6; // the most that escaping makes of it
    SecretText json;
    json.text.reserve(size); // never grows, so that no copy of a secret is left behind
    json.text += '{';
    for (const auto& [name, value] : members) {
        if (json.text.size() > 1) json.text += ',';
        appendString(json.text, name);
        json.text += ':';
        appendString(json.text, value);
    }
    json.text += '}';
    return Secret(json.text);
}

} // namespace wasmproxy::vault
