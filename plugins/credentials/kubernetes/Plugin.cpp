// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Plugin.h"

#include "KubernetesCredentialSource.h"

namespace wasmproxy::kubernetes {

class KubernetesCredentialFactory
    : public BasicFactory<CredentialSource, KubernetesCredentialSource, KubernetesSettings> {
public:
    const char* name() const noexcept override { return "kubernetes"; }
};

} // namespace wasmproxy::kubernetes

WASMPROXY_PLUGIN("kubernetes", "0.1.0", wasmproxy::kubernetes::KubernetesCredentialFactory)
