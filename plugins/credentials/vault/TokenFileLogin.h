// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Login.h"

namespace wasmproxy::vault {

/// A token that lies in a file: an operator's, or the sink of an agent that replaces it.
class TokenFileLogin : public Login {
public:
    explicit TokenFileLogin(const VaultSettings& settings) : _settings(settings) {}

    VaultToken obtain(Call& call, VaultClient& client) override;
    std::string fingerprint() const override;
    bool replaces(const Secret& token) const override;
    bool repeatable() const override { return false; }

private:
    Secret read() const;

    const VaultSettings& _settings;
};

} // namespace wasmproxy::vault
