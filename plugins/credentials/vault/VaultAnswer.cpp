// SPDX-License-Identifier: Apache-2.0
#include "VaultAnswer.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::vault {

namespace {

constexpr std::size_t MaximumShown = 200;

std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, MaximumShown))
        result += c >= ' ' && c < 0x7f ? c : ' ';
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
