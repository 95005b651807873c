// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include "VaultClient.h"

#include <chrono>
#include <memory>
#include <string>

namespace wasmproxy::vault {

struct VaultToken {
    Secret value;
    std::chrono::seconds lease{0}; ///< zero: it does not expire, or nobody says when
    bool renewable = false;
};

/// One way to a token. Used by one thread at a time.
class Login {
public:
    virtual ~Login() = default;
    /// Throws VaultFault: {Login} where Vault refuses what was shown, {Server} where it cannot be asked; and plain
    /// Error for a file of ours.
    virtual VaultToken obtain(Call& call, VaultClient& client) = 0;
    /// Changes with what is shown; a refusal is worth repeating at once then. Throws Error.
    virtual std::string fingerprint() const = 0;
    /// Does another token lie ready?
    virtual bool replaces(const Secret& token) const {
        static_cast<void>(token);
        return false;
    }
    /// Can a token that is refused be had anew by obtain()?
    virtual bool repeatable() const { return true; }

    static std::unique_ptr<Login> make(HostServices& host, const VaultSettings& settings);

protected:
    /// POST auth/<mount>/login. `who` names the role in errors.
    static VaultToken post(Call& call, VaultClient& client, const std::string& mount, const Secret& body,
                           const std::string& who, const Secret& shown);
};

/// The token of an answer's `auth`, from login or renew-self.
VaultToken tokenOf(const VaultAnswer& answer);

} // namespace wasmproxy::vault
