// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Plugin.h"

#include "GcrBackend.h"
#include "GoogleHosts.h"

namespace wasmproxy::gcr {

class GcrFactory : public BasicFactory<RegistryBackend, GcrBackend, GcrSettings> {
public:
    const char* name() const noexcept override { return "gcr"; }
    bool knowsRegistry(const std::string& host) const override { return isGooglePattern(host); }
    std::vector<std::string> trustedHosts() const override {
        // Private Service Connect gives Google's APIs private addresses.
        std::vector<std::string> hosts = {"metadata.google.internal", "oauth2.googleapis.com", "sts.googleapis.com",
                                          "iamcredentials.googleapis.com"};
        const std::string own = Environment::read().metadataHost;
        if (!own.empty()) hosts.push_back(own.substr(0, own.find(':')));
        return hosts;
    }
};

} // namespace wasmproxy::gcr

WASMPROXY_PLUGIN("gcr", "0.1.0", wasmproxy::gcr::GcrFactory)
