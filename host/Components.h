// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Configuration.h"
#include "keychain/Keychain.h"
#include "observe/Metrics.h"
#include "pull/CacheTiers.h"
#include "pull/HeldByHost.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The plugin instances of a Configuration, each with its own HostServices and behind its guard. Those that the
/// Components of the configuration before have just so are shared with them: a reload restarts nothing that it does not
/// change.
class Components {
public:
    enum class Parts {
        Caches,    ///< opened once per process
        Registries ///< credential sources and backends: everything that a reload may change
    };

    /// `configuration` outlives this, `previous` the constructor. Throws Error naming the instance that could not be
    /// made.
    Components(const Configuration& configuration, Metrics& metrics, Parts parts, const Components* previous = nullptr);
    ~Components();

    std::vector<Keychain::Source> sources() const; ///< those of the settings, then the backends' own identities
    std::vector<CacheTiers::Tier> tiers() const;
    std::vector<Route> routes() const; ///< with their backends
    /// The route of a repository that only an Extension permits, its backend made when the host is first named; a
    /// backend's own identity goes to `keychain`. Thread-safe. Throws Error.
    /// It is kept while the result is held, and beyond that as long as there is room.
    std::shared_ptr<const Route> unrouted(const Repository& repository, Keychain& keychain);
    /// For an Extension's http(s) url: dials that host as written and vets every other. Thread-safe. Throws Error.
    std::shared_ptr<HttpTransport> transportFor(const std::string& url);
    /// For a room of the host that talks to the cluster: dials what the operator wrote.
    static std::unique_ptr<HostServices> servicesFor(const std::string& room);
    /// Into the metrics, what registries' limits of pulls leave: as long as the window lasts that a backend measured.
    void showLimits() const;

private:
    class Services;
    template <class Seam>
    struct Instance;
    template <class Seam>
    using Instances = std::vector<std::shared_ptr<Instance<Seam>>>;
    using Backend = Instance<RegistryBackend>;

    template <class Seam, class Guarded>
    std::shared_ptr<Instance<Seam>> make(const InstancePlan& plan, const char* kind, const Instances<Seam>* before);
    std::shared_ptr<Backend> makeBackend(const InstancePlan& plan, const Instances<RegistryBackend>* before);

    std::shared_ptr<Backend> makeMirror(const InstancePlan& plan); ///< of unrouted(), with its lock

    const Configuration& _configuration;
    Metrics& _metrics;
    Instances<CacheStore> _stores;
    Instances<CredentialSource> _sources;
    Instances<RegistryBackend> _backends; ///< parallel to Configuration::backends

    struct Unrouted {
        std::shared_ptr<Backend> backend;
        Route route;
        std::string identity; ///< its name in the keychain; empty: it has none
    };
    static constexpr std::size_t MaxUnrouted = 1000; // hosts
    mutable std::mutex _mutex;                       // the maps below
    HeldByHost<Unrouted> _unrouted{MaxUnrouted};
    Instances<RegistryBackend> _mirrors;           // theirs
    Instances<RegistryBackend> _before;            // both, of the configuration before
    HeldByHost<Services> _transports{MaxUnrouted}; // of urls
};

} // namespace wasmproxy::host
