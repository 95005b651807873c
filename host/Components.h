// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Configuration.h"
#include "keychain/Keychain.h"
#include "observe/Metrics.h"
#include "pull/CacheTiers.h"

#include <memory>
#include <vector>

namespace wasmproxy::host {

/// The plugin instances of a Configuration, each with its own HostServices and behind its guard. Owns them all; they
/// are destroyed in the reverse order.
class Components {
public:
    /// Throws Error naming the instance that could not be made. `withCaches = false` leaves the stores alone, for
    /// --explain beside a running proxy.
    Components(const Configuration& configuration, Metrics& metrics, bool withCaches);
    ~Components();

    std::vector<Keychain::Source> sources() const; ///< those of the settings, then the backends' own identities
    std::vector<CacheTiers::Tier> tiers() const;
    std::vector<Route> routes() const; ///< with their backends
    /// Into the metrics, what registries' limits of pulls leave: as long as the window lasts that a backend measured.
    void showLimits() const;

private:
    class Services;
    template <class Seam>
    std::unique_ptr<Seam> create(const InstancePlan& plan, const char* kind);

    const Configuration& _configuration;
    Metrics& _metrics;
    std::vector<std::unique_ptr<Services>> _services;
    std::vector<std::unique_ptr<CacheStore>> _stores;
    std::vector<std::unique_ptr<CredentialSource>> _sources;
    std::vector<std::unique_ptr<RegistryBackend>> _backends;
    std::vector<std::unique_ptr<CredentialSource>> _identities; ///< parallel to _backends; nullptr: it has none
};

} // namespace wasmproxy::host
