// SPDX-License-Identifier: Apache-2.0
#include "EcrBackend.h"

#include "wasmproxy/plugin/Plugin.h"

namespace {

using wasmproxy::ecr::EcrBackend;
using wasmproxy::ecr::EcrSettings;

class EcrFactory : public wasmproxy::BasicFactory<wasmproxy::RegistryBackend, EcrBackend, EcrSettings> {
public:
    const char* name() const noexcept override { return "ecr"; }
    bool knowsRegistry(const std::string& host) const override { return wasmproxy::ecr::isEcr(host); }
    std::vector<std::string> trustedHosts() const override {
        return wasmproxy::aws::CredentialChain::hosts(wasmproxy::aws::processEnvironment);
    }
};

} // namespace

WASMPROXY_PLUGIN("ecr", "0.1.0", EcrFactory)
