// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::vault {

/// Why a secret could not be read, and what that says about others. Never leaves the plugin: what does is a plain
/// Error.
class VaultFault : public Error {
public:
    enum class Reach {
        Server, ///< Vault cannot be asked at all: nothing is known about any path
        Login,  ///< nor can it be asked: it refuses who we are
        Path,   ///< this path cannot be read; what was read of it before stays in force
        Denied  ///< Vault answered that it is not for us: what was read before is ours no more
    };

    VaultFault(Reach reach, const std::string& message, std::string hint = {})
        : Error(ErrorCode::CredentialSourceFault, message, std::move(hint)), _reach(reach) {}

    Reach reach() const noexcept { return _reach; }

private:
    Reach _reach;
};

} // namespace wasmproxy::vault
