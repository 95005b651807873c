// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Plugin.h"

#include "VaultCredentialSource.h"

namespace wasmproxy::vault {

class VaultCredentialFactory : public BasicFactory<CredentialSource, VaultCredentialSource, VaultSettings> {
public:
    const char* name() const noexcept override { return "vault"; }
};

} // namespace wasmproxy::vault

WASMPROXY_PLUGIN("vault", "0.1.0", wasmproxy::vault::VaultCredentialFactory)
