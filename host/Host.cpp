// SPDX-License-Identifier: Apache-2.0
#include "Host.h"

#include "Components.h"
#include "admin/AdminServer.h"
#include "admin/ExtensionsEndpoint.h"
#include "admin/HealthServer.h"
#include "admin/ModulesEndpoint.h"
#include "admin/PluginsEndpoint.h"
#include "admin/ResolveEndpoint.h"
#include "dataplane/DataPlane.h"
#include "eviction/Evictor.h"
#include "extensions/ExtensionCluster.h"
#include "extensions/ExtensionDirectory.h"
#include "observe/Log.h"
#include "pull/HttpSource.h"
#include "pull/PullService.h"

#include <atomic>

namespace wasmproxy::host {
namespace {

// As long as an agent may still wait for an answer; longer than pull.hold and the body after it.
constexpr std::chrono::seconds DrainLimit{25};
// Stands for a caller where the proxy itself asks.
constexpr const char* OwnAddress = "-";

PullLimits limitsOf(const PullSettings& settings) {
    PullLimits limits;
    limits.manifestBytes = settings.maxManifest.get();
    limits.layerBytes = settings.maxLayer.get();
    limits.module.moduleBytes = settings.maxModule.get();
    const auto& require = settings.requireProxyWasm.get();
    limits.requireProxyWasm = require == "yes"  ? RequireProxyWasm::Yes
                              : require == "no" ? RequireProxyWasm::No
                                                : RequireProxyWasm::Warn;
    return limits;
}

PullOptions optionsOf(const PullSettings& settings) {
    PullOptions options;
    options.hold = settings.hold;
    options.agentTimeout = settings.agentTimeout;
    options.agentRate = settings.agentRate.get();
    options.deadline = settings.deadline;
    options.secondLook = settings.secondLook;
    options.workers = settings.workers;
    options.workersPerRegistry = settings.workersPerRegistry;
    options.waiting = settings.waiting;
    return options;
}

DataPlaneOptions optionsOf(const DataplaneSettings& settings) {
    DataPlaneOptions options;
    options.listen = settings.listen;
    options.allowFrom = settings.allowFrom;
    options.threads = static_cast<unsigned>(settings.threads.get());
    options.connections = settings.connections;
    options.connectionsPerAddress = settings.connections;
    options.headerTimeout = settings.headerTimeout;
    options.idleTimeout = settings.idleTimeout;
    options.minSendRate = settings.minSendRate.get();
    return options;
}

DigestIndexSettings indexSettings(const IndexSettings& settings) {
    return {settings.path, std::chrono::duration_cast<std::chrono::hours>(settings.accessRetention.get())};
}

} // namespace

/// In the order they are built; destroyed in reverse.
struct Host::Rooms {
    explicit Rooms(const Configuration& configuration)
        : index(indexSettings(configuration.settings.index)),
          components(configuration, metrics, true),
          cache(components.tiers()),
          routes(components.routes()),
          keychain(components.sources()),
          extensions(configuration.settings.mesh.enableWasmDownloadProxy),
          targets(routes, extensions,
                  [this](const Repository& repository) { return components.unrouted(repository, keychain); }),
          puller(cache, index, keychain, memory, limitsOf(configuration.settings.pull)),
          files(cache, index, limitsOf(configuration.settings.pull),
                [this](const std::string& url) -> HttpTransport& { return components.transportFor(url); }),
          pulls(targets, {puller, files}, index, cache, metrics, optionsOf(configuration.settings.pull)),
          dataPlane(optionsOf(configuration.settings.dataplane), pulls, metrics) {}

    Metrics metrics;
    DigestIndex index;
    Components components;
    CacheTiers cache;
    RouteTable routes;
    Keychain keychain;
    CredentialMemory memory;
    ExtensionCatalog extensions;
    PullTargets targets;
    ModulePuller puller;
    HttpSource files;
    PullService pulls;
    DataPlane dataPlane;
    std::unique_ptr<ExtensionDirectory> extensionFiles;
    std::unique_ptr<ExtensionCluster> extensionResources;
    std::unique_ptr<Evictor> evictor;
    std::unique_ptr<HealthServer> health;
    std::unique_ptr<AdminServer> admin;
    std::atomic<bool> ready{false};
};

Host::Host(const Configuration& configuration) : _configuration(configuration) {}

Host::~Host() = default;

void Host::start() {
    for (const auto& plugin : _configuration.catalog->plugins())
        if (plugin.state == "loaded")
            log(LogLevel::Information, "plugin loaded", {{"plugin", plugin.id}, {"version", plugin.version}});
        else
            log(LogLevel::Warning, "plugin refused", {{"file", plugin.file}, {"cause", plugin.reason}});

    _rooms = std::make_unique<Rooms>(_configuration);
    auto& rooms = *_rooms;
    const auto& settings = _configuration.settings;
    if (const auto bad = rooms.index.setAside(); !bad.empty())
        log(LogLevel::Warning, "the index could not be used; it was set aside and is learned again", {{"file", bad}});

    Evictor::Options eviction;
    eviction.capacity = _configuration.capacity;
    eviction.forgetHot = [&rooms](const Digest& digest) { rooms.pulls.forgetHot(digest); };
    rooms.evictor = std::make_unique<Evictor>(rooms.cache, rooms.index, eviction);

    rooms.metrics.beforeText([&rooms] {
        rooms.metrics.modules(static_cast<double>(rooms.index.moduleCount()));
        rooms.metrics.cacheBytes(static_cast<double>(rooms.index.contentBytes()));
        rooms.metrics.queueDepth(static_cast<double>(rooms.pulls.queued()));
        rooms.components.showLimits();
    });
    rooms.health = std::make_unique<HealthServer>(settings.health.listen, rooms.metrics, [&rooms] {
        return Readiness{rooms.ready.load(), rooms.ready ? "serving" : "stopping"};
    });
    rooms.admin = std::make_unique<AdminServer>(settings.admin.listen);
    rooms.admin->add("/api/v1/plugins", PluginsEndpoint(*_configuration.catalog));
    rooms.admin->add("/api/v1/modules", ModulesEndpoint(rooms.index));
    rooms.admin->add("/api/v1/extensions", ExtensionsEndpoint(rooms.extensions));
    if (!rooms.extensions.enabled())
        log(LogLevel::Warning, "no Extension is served", {{"cause", "[mesh] enable-wasm-download-proxy is false"}});
    const auto& written = settings.dataplane.publicUrl.get();
    startExtensions();
    rooms.admin->add("/api/v1/resolve",
                     ResolveEndpoint(rooms.pulls, rooms.index,
                                     written.empty() ? "http://" + settings.dataplane.listen.get() : written));

    rooms.dataPlane.start();
    rooms.ready = true;
    rooms.health->start();
    rooms.admin->start();
    log(LogLevel::Information, "ready",
        {{"dataplane", settings.dataplane.listen},
         {"health", settings.health.listen},
         {"admin", settings.admin.listen},
         {"modules", std::to_string(rooms.index.moduleCount())}});
}

void Host::startExtensions() {
    auto& rooms = *_rooms;
    const auto& settings = _configuration.settings;
    // Pulled as soon as it is known, so that what is wrong shows before a proxy asks.
    rooms.extensions.onChange([&rooms](const std::string& name) {
        rooms.pulls.byExtension(name, std::nullopt, {"extension-" + name, OwnAddress}, [](const ModuleResult&) {});
    });
    rooms.extensions.onOutcome([&rooms](const ExtensionCatalog::Entry& entry) {
        if (rooms.extensionResources) rooms.extensionResources->outcome(entry);
    });
    if (_configuration.cluster)
        rooms.extensionResources = std::make_unique<ExtensionCluster>(
            rooms.components.servicesFor("extensions"), *_configuration.cluster, _configuration.clusterNamespace,
            rooms.extensions,
            [url = settings.dataplane.publicUrl.get()](const std::string& name, const Digest& manifest) {
                return url.empty() ? url : url + "/extensions/" + name + ".wasm?digest=" + manifest.str();
            });
    if (rooms.extensionResources) rooms.extensionResources->start();
    if (const auto& directory = settings.extensions.directory.get(); !directory.empty())
        rooms.extensionFiles = std::make_unique<ExtensionDirectory>(directory, rooms.extensions);
}

void Host::stop(const char* why) {
    if (!_rooms) return;
    auto& rooms = *_rooms;
    log(LogLevel::Information, "stopping", {{"cause", why}});
    rooms.ready = false;
    if (!rooms.dataPlane.drain(DrainLimit))
        log(LogLevel::Warning, "some answers were not finished within the drain limit");
    rooms.pulls.stop();
    rooms.dataPlane.stop();
    rooms.admin->stop();
    rooms.health->stop();
    rooms.extensionFiles.reset();
    rooms.extensionResources.reset();
    rooms.evictor.reset();
    _rooms.reset();
    log(LogLevel::Information, "stopped");
}

} // namespace wasmproxy::host
