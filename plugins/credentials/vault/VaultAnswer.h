// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/plugin/Secret.h"

#include <string>
#include <vector>

namespace wasmproxy::vault {

/// What Vault said that is an answer: 2xx, 400, 403, 404, 405. Value type.
struct VaultAnswer {
    int status = 0;
    Secret body;
    std::string from;          ///< "Vault vault.example:8200 (GET secret/data/a)", for messages
    std::vector<Secret> shown; ///< what the request held that must not come back in a message

    bool good() const noexcept { return status >= 200 && status < 300; }
    /// Throws Error{CredentialSourceFault}.
    StrictJson json() const;
    /// "400: invalid role or secret ID", printable. What Vault says is left out where it holds what it was shown.
    std::string refusal() const;
    bool has(const char* member) const noexcept; ///< is the body a JSON object with that member, not empty?
};

} // namespace wasmproxy::vault
