// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Login.h"
#include "WrappedSecretId.h"

namespace wasmproxy::vault {

/// Shows a role id and, where the role wants one, a secret id, plain or response-wrapped.
class AppRoleLogin : public Login {
public:
    AppRoleLogin(HostServices& host, const VaultSettings& settings) : _settings(settings), _wrapped(host, settings) {}

    VaultToken obtain(Call& call, VaultClient& client) override;
    std::string fingerprint() const override;

private:
    Secret roleId() const;

    const VaultSettings& _settings;
    WrappedSecretId _wrapped;
};

} // namespace wasmproxy::vault
