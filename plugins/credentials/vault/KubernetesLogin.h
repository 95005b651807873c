// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Login.h"

namespace wasmproxy::vault {

/// Shows the service account's token, read again each time since the kubelet replaces it.
class KubernetesLogin : public Login {
public:
    explicit KubernetesLogin(const VaultSettings& settings) : _settings(settings) {}

    VaultToken obtain(Call& call, VaultClient& client) override;
    std::string fingerprint() const override;

private:
    const VaultSettings& _settings;
};

} // namespace wasmproxy::vault
