// SPDX-License-Identifier: Apache-2.0
#include "VaultAnswer.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <cctype>

namespace wasmproxy::vault {

namespace {

constexpr std::size_t MaximumShown = 200;

/// A word as in prose or a path: between its punctuation there are letters alone or a short number.
bool isPlainWord(std::string_view word) {
    constexpr std::size_t MaximumLetters = 20;
    constexpr std::size_t MaximumDigits = 5;
    std::size_t letters = 0;
    std::size_t digits = 0;
    for (const char c : word) {
        if (std::isalpha(static_cast<unsigned char>(c)) != 0)
            ++letters;
        else if (std::isdigit(static_cast<unsigned char>(c)) != 0)
            ++digits;
        else if (std::string_view(".,:;!?'\"()[]{}*-_/").find(c) != std::string_view::npos)
            letters = digits = 0;
        else
            return false;
        if (letters > MaximumLetters || digits > MaximumDigits || (letters > 1 && digits > 0)) return false;
    }
    return true;
}

/// What a server says may repeat any secret, in any form: words that could be one are masked.
std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty() && result.size() < MaximumShown) {
        const auto end = std::min(text.find_first_of(" \t\r\n"), text.size());
        const auto word = text.substr(0, end);
        result += (result.empty() ? "" : " ") + (isPlainWord(word) ? std::string(word) : "***");
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (result.size() > MaximumShown) result.resize(MaximumShown);
    return result;
}

} // namespace

StrictJson VaultAnswer::json() const {
    StrictJson::Limits limits;
    limits.bytes = body.reveal().size();
    return StrictJson::parse(body.reveal(), "the answer of " + from, ErrorCode::CredentialSourceFault, limits);
}

std::string VaultAnswer::refusal() const {
    std::string said;
    try {
        if (const auto errors = json().find("errors"))
            for (const StrictJson& error : errors->items())
                said += (said.empty() ? "" : "; ") + error.asString();
    } catch (const Error&) {
        said.clear(); // no JSON: some proxy's page
    }
    for (const Secret& secret : shown)
        if (!secret.empty() && said.find(secret.reveal()) != std::string::npos) said.clear();
    return std::to_string(status) + (said.empty() ? "" : ": " + printable(said));
}

bool VaultAnswer::has(const char* member) const noexcept {
    try {
        const auto found = json().find(member);
        return found && (!found->isArray() || !found->items().empty());
    } catch (const Error&) {
        return false;
    }
}

} // namespace wasmproxy::vault
