// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loading/PluginCatalog.h"
#include "routing/RouteTable.h"
#include "settings/HostSettings.h"
#include "settings/SettingsDocument.h"
#include "wasmproxy/kubernetes/ClusterConfig.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::host {

/// One plugin component that will be created; its settings have been checked.
struct InstancePlan {
    std::string name; ///< "main", "team", "private"
    const ComponentFactory* factory = nullptr;
    std::vector<KeyValue> values;
    // Backends only:
    const BackendSettings* common = nullptr;
    std::set<std::string> trustedHosts; ///< host names that the operator wrote for it
    std::uint64_t capacity = 0;         ///< of a cache, bytes
};

/// A route, with the places of its backends in Configuration::backends.
struct RoutePlan {
    Route route;
    std::size_t backend = 0;
    std::vector<std::size_t> mirrors = {}; ///< parallel to route.mirrors
    bool ownIdentity = false;              ///< the backend's own credential may be used: the route names no credentials
};

/// How a registry is reached that no route names.
struct UnroutedPlan {
    InstancePlan backend;
    std::vector<std::pair<Mirror, InstancePlan>> mirrors; ///< each without its backend, which is to be made
};

/// Everything the operator asked for, checked whole: file, environment, plugins, and what refers to what. Nothing is
/// opened and nothing listens yet. Owned by Host.
class Configuration {
public:
    /// Reads and checks. What is wrong is appended to `problems`; with a problem the result is not to be used.
    /// With the `plugins` of the configuration before, their directory is only looked at again: nothing is ever
    /// unloaded, and another directory takes a restart.
    Configuration(const std::string& path, const std::vector<std::string>& environment,
                  std::vector<SettingsProblem>& problems, std::shared_ptr<PluginCatalog> plugins = nullptr);
    /// The same of what was read already.
    Configuration(SettingsDocument document, const std::vector<std::string>& environment,
                  std::vector<SettingsProblem>& problems, std::shared_ptr<PluginCatalog> plugins);

    HostSettings settings;
    std::shared_ptr<PluginCatalog> catalog;
    std::vector<InstancePlan> caches;      ///< fastest first
    std::vector<InstancePlan> credentials; ///< in the order of pull.credentials
    std::vector<InstancePlan> backends;    ///< those that a route uses
    std::vector<RoutePlan> routes;
    std::vector<std::string> standardCredentials;     ///< sources in the order that holds where a route names none
    std::optional<kubernetes::ClusterConfig> cluster; ///< whose WasmExtension resources are taken
    std::string clusterNamespace;
    std::string clusterKey() const; ///< equal where `cluster` and namespace are
    /// Is the cache of that name set up as in `first`, but for what counts at once?
    bool sameCache(const std::string& cache, const Configuration& first) const;
    /// Of the cache of that name, bytes, where the process started with `first`: all else of a cache counts only then.
    std::uint64_t capacityOf(const std::string& cache, const Configuration& first) const;

    /// How a registry is reached that no route names, but an Extension: by the plugin that knows the host, with the
    /// settings and mirrors of the section of its name, else by oci. The host counts as one that the operator wrote.
    /// Throws Error{SettingsInvalid}. One thread at a time.
    UnroutedPlan planForHost(const std::string& host) const;

    /// Keys in which this differs from `other` and that count only when the process starts: "dataplane.listen".
    std::vector<std::string> restartKeys(const Configuration& other) const;

    static std::string defaultPluginDirectory();

private:
    const ComponentFactory* factory(const char* seam, const std::string& plugin, const std::string& origin,
                                    const std::string& key, std::vector<SettingsProblem>& problems) const;
    void addUnwritten(std::vector<SettingsProblem>& problems);
    void planCaches(std::vector<SettingsProblem>& problems);
    const InstancePlan* findCache(const std::string& name) const;
    static std::uint64_t planCapacity(const ComponentFactory& factory, const InstanceSettings<CacheSettings>& cache,
                                      std::vector<SettingsProblem>& problems);
    void planCredentials(std::vector<SettingsProblem>& problems);
    void planCluster(std::vector<SettingsProblem>& problems);
    void planRoutes(std::vector<SettingsProblem>& problems);
    std::optional<std::size_t> planBackend(const InstanceSettings<RouteSettings>& route, const Pattern& pattern,
                                           RoutePlan& plan, std::vector<SettingsProblem>& problems);
    std::vector<Mirror> mirrorsOf(const InstanceSettings<BackendSettings>& section,
                                  std::vector<SettingsProblem>& problems) const;
    std::string pluginFor(const std::string& host) const;
    std::optional<InstancePlan> planFor(const std::string& name) const;
    std::optional<std::size_t> planInstance(const std::string& name, const Setting<bool>& plainHttp,
                                            std::vector<SettingsProblem>& problems);
    const InstanceSettings<BackendSettings>* findBackend(const std::string& name) const;

    BackendSettings _unwritten;            // of plugins used without a section
    std::vector<std::string> _backendKeys; // parallel to backends
};

} // namespace wasmproxy::host
