// SPDX-License-Identifier: Apache-2.0
#include "SecretForms.h"

#include "support/Base64.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace wasmproxy::test {
namespace {

/// What of `text` in base64 does not depend on what is before and after it, where `shift` bytes of a group precede it.
std::string inside(const std::string& text, std::size_t shift) {
    const auto whole = base64(std::string(shift, 'x') + text);
    const std::size_t begin = shift == 0 ? 0 : shift + 1;
    return whole.substr(begin, (shift + text.size()) / 3 * 4 - begin);
}

std::string urlSafe(std::string text) {
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
}

std::string hexOf(const std::string& text, const char* digits) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        result.append({digits[byte >> 4], digits[byte & 15]});
    }
    return result;
}

/// Unreserved characters stay; `%2f` or `%2F`.
std::string percent(const std::string& text, const char* digits) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos)
            result += c;
        else
            result.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
    return result;
}

std::string jsonEscaped(const std::string& text, bool slashes) {
    std::string result;
    for (const char c : text) {
        if (c == '"' || c == '\\' || (slashes && c == '/')) result += '\\';
        result += c;
    }
    return result;
}

} // namespace

SecretForms::SecretForms(std::string name, std::string value, const std::string& core)
    : _name(std::move(name)), _value(std::move(value)) {
    const char* const lower = "0123456789abcdef";
    const char* const upper = "0123456789ABCDEF";
    const auto add = [this](const std::string& form, const std::string& text) {
        const bool known =
            std::any_of(_forms.begin(), _forms.end(), [&](const Form& each) { return each.text == text; });
        if (!known) _forms.push_back({form, text});
    };
    for (const auto& text : {core, _value}) {
        add("plain", text);
        for (std::size_t shift = 0; shift < 3; ++shift) {
            add("base64", inside(text, shift));
            add("base64url", urlSafe(inside(text, shift)));
        }
        add("percent", percent(text, upper));
        add("percent", percent(text, lower));
        add("hex", hexOf(text, lower));
        add("hex", hexOf(text, upper));
        add("JSON", jsonEscaped(text, false));
        add("JSON", jsonEscaped(text, true));
    }
}

std::string SecretForms::foundIn(std::string_view text) const {
    for (const auto& form : _forms) {
        const auto at = text.find(form.text);
        if (at == std::string_view::npos) continue;
        const auto begin = at - std::min<std::size_t>(at, 200);
        return _name + " as " + form.name + ": ..." + std::string(text.substr(begin, 400 + form.text.size()));
    }
    return {};
}

} // namespace wasmproxy::test
