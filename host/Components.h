// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Configuration.h"
#include "keychain/Keychain.h"
#include "observe/Metrics.h"
#include "pull/CacheTiers.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
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
    /// The route of a repository that only an Extension permits, its backend made when the host is first named; a
    /// backend's own identity goes to `keychain`. Thread-safe. Throws Error.
    std::shared_ptr<const Route> unrouted(const Repository& repository, Keychain& keychain);
    /// For an Extension's http(s) url: dials that host as written and vets every other. Thread-safe. Throws Error.
    HttpTransport& transportFor(const std::string& url);
    /// For a room of the host that talks to the cluster: dials what the operator wrote. Thread-safe.
    HostServices& servicesFor(const std::string& room);
    /// Into the metrics, what registries' limits of pulls leave: as long as the window lasts that a backend measured.
    void showLimits() const;

private:
    class Services;
    template <class Seam>
    std::unique_ptr<Seam> create(const InstancePlan& plan, const char* kind);
    std::unique_ptr<RegistryBackend> makeBackend(const InstancePlan& plan);
    std::unique_ptr<CredentialSource> identityOf(const InstancePlan& plan, RegistryBackend& backend);

    const Configuration& _configuration;
    Metrics& _metrics;
    std::vector<std::unique_ptr<Services>> _services;
    std::vector<std::unique_ptr<CacheStore>> _stores;
    std::vector<std::unique_ptr<CredentialSource>> _sources;
    std::vector<std::unique_ptr<RegistryBackend>> _backends;
    std::vector<std::unique_ptr<CredentialSource>> _identities; ///< parallel to _backends; nullptr: it has none

    struct Unrouted {
        std::unique_ptr<RegistryBackend> backend;
        std::unique_ptr<CredentialSource> identity;
        std::shared_ptr<const Route> route;
    };
    static constexpr std::size_t MaxUnrouted = 1000; // hosts; a catalog of more is a mistake
    std::mutex _mutex;                               // the two below and, once routes run, _services
    std::map<std::string, Unrouted> _unrouted;       // by registry host
    std::map<std::string, Services*> _transports;    // by host of a url
};

} // namespace wasmproxy::host
