// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HostServices.h"

#include "VaultClient.h"

#include <string>

namespace wasmproxy::vault {

/// A secret id in Vault's cubbyhole, behind a wrapping token that can be used once. What is unwrapped is kept in
/// memory only, until another wrapping token lies in the file. Used by one thread at a time.
class WrappedSecretId {
public:
    WrappedSecretId(HostServices& host, const VaultSettings& settings) : _host(host), _settings(settings) {}

    /// Throws VaultFault{Login} where the token was used before or wraps something else than this role's secret id:
    /// then somebody else may have the secret id.
    Secret unwrapped(Call& call, VaultClient& client);

private:
    void checkOrigin(Call& call, VaultClient& client, const Secret& token);
    [[noreturn]] void alarm(const std::string& what, const Secret& token);

    HostServices& _host;
    const VaultSettings& _settings;
    Secret _token; ///< that _secretId came from
    Secret _secretId;
    Secret _alarmed; ///< the token that was complained about
};

} // namespace wasmproxy::vault
