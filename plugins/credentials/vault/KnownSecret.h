// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/CredentialEntry.h"
#include "wasmproxy/oci/StrictJson.h"

#include "VaultSettings.h"

#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::vault {

/// What a secret in Vault says: a docker config's entries, or one credential. Nothing of both: it is absent.
struct KnownSecret {
    std::vector<CredentialEntry> entries;
    std::optional<Credential> credential; ///< for whatever repository the secret was looked up
    std::vector<std::string> warnings;

    bool absent() const noexcept { return entries.empty() && !credential; }
    std::vector<Credential> credentialsFor(const Repository& repository) const;

    /// Throws Error{CredentialSourceFault}. `where` names the secret. `bound`: the path or the setting `registry` says
    /// which registry it is for.
    static KnownSecret parse(const StrictJson& fields, const VaultSettings& settings, const std::string& where,
                             bool bound);
};

} // namespace wasmproxy::vault
