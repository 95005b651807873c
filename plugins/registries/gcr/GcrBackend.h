// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/DistributionBackend.h"

#include "OwnIdentity.h"

#include <string_view>

namespace wasmproxy::gcr {

/// Google's Artifact Registry and what is left of Container Registry: the distribution protocol to the letter, with
/// user names that say what the password is (`_json_key`, `oauth2accesstoken`), and an identity of our own by ability.
class GcrBackend : public DistributionBackend {
public:
    GcrBackend(HostServices& host, std::unique_ptr<GcrSettings> settings)
        : GcrBackend(host, std::move(settings), Environment::read()) {}
    GcrBackend(HostServices& host, std::unique_ptr<GcrSettings> settings, Environment environment)
        : GcrBackend(host, *settings, settings, std::move(environment)) {}

    void* ability(const char* id) noexcept override {
        if (id != nullptr && std::string_view(id) == CredentialSource::Seam)
            return static_cast<CredentialSource*>(&_identity);
        return DistributionBackend::ability(id);
    }

private:
    // The base keeps the settings, and with them what _identity refers to.
    GcrBackend(HostServices& host, const GcrSettings& values, std::unique_ptr<GcrSettings>& settings,
               Environment environment)
        : DistributionBackend(host, std::move(settings), std::make_unique<RegistryDialect>()),
          _identity(host, values, std::move(environment)) {}

    OwnIdentity _identity;
};

} // namespace wasmproxy::gcr
