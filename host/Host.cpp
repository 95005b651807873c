// SPDX-License-Identifier: Apache-2.0
#include "Host.h"

#include "AdminSetup.h"
#include "Components.h"
#include "Generation.h"
#include "RoomFigures.h"
#include "SetupView.h"
#include "admin/AccessesEndpoint.h"
#include "admin/AdminServer.h"
#include "admin/ArchiveEndpoints.h"
#include "admin/ExtensionFileEndpoints.h"
#include "admin/ExtensionsEndpoint.h"
#include "admin/FailuresEndpoint.h"
#include "admin/HealthServer.h"
#include "admin/JobEndpoints.h"
#include "admin/Jobs.h"
#include "admin/ModulesEndpoint.h"
#include "admin/OperationsEndpoint.h"
#include "admin/PluginsEndpoint.h"
#include "admin/PullEndpoints.h"
#include "admin/ResolveEndpoint.h"
#include "admin/SettingsEndpoints.h"
#include "admin/SetupEndpoints.h"
#include "admin/StoreEndpoints.h"
#include "dataplane/DataPlane.h"
#include "eviction/Evictor.h"
#include "extensions/ExtensionCluster.h"
#include "extensions/ExtensionDirectory.h"
#include "loading/PluginDirectoryWatch.h"
#include "observe/Log.h"
#include "pull/PullService.h"

#include <sys/stat.h>

#include <atomic>
#include <mutex>

namespace wasmproxy::host {
namespace {

// As long as an agent may still wait for an answer; longer than pull.hold and the body after it.
constexpr std::chrono::seconds DrainLimit{25};
// Stands for a caller where the proxy itself asks.
constexpr const char* OwnAddress = "-";

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

DataPlaneOptions optionsOf(const DataplaneSettings& settings, FailureLog& failures) {
    DataPlaneOptions options;
    options.onError = [&failures](const std::string& asked, const std::string& caller, const std::string& requestId,
                                  const Error& error) {
        failures.requestRefused({asked, {}, {}, {caller}, requestId}, error);
    };
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

void logPlugins(const PluginCatalog& catalog) {
    for (const auto& plugin : catalog.plugins())
        PluginDirectoryWatch::report(plugin);
}

/// Which content a path leads to, links followed: the swap of a ConfigMap volume's `..data` is a change. Empty: none.
std::string identityOf(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return std::to_string(status.st_dev) + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) +
           " " + std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

} // namespace

/// In the order they are built; destroyed in reverse.
struct Host::Rooms {
    explicit Rooms(const Configuration& configuration)
        : index(indexSettings(configuration.settings.index)),
          stores(configuration, metrics, Components::Parts::Caches),
          cache(stores.tiers()),
          pulls(index, cache, metrics, optionsOf(configuration.settings.pull)),
          dataPlane(optionsOf(configuration.settings.dataplane, pulls.failureLog()), pulls, metrics) {}

    Generation::Shared shared() { return {metrics, cache, index, memory, extensions}; }
    std::shared_ptr<Generation> current() {
        const std::lock_guard<std::mutex> lock(mutex);
        return generation;
    }

    Metrics metrics;
    DigestIndex index;
    Components stores;
    CacheTiers cache;
    CredentialMemory memory;
    ExtensionCatalog extensions;
    std::mutex mutex; // the next two
    std::shared_ptr<Generation> generation;
    std::vector<std::shared_ptr<Generation>> retired; ///< until nobody holds them; ended by tidy(), never by a loop
    std::mutex reloading;
    std::string seenFile; ///< the identity of the configuration's file when it was read
    PullService pulls;
    DataPlane dataPlane;
    std::shared_ptr<ExtensionDirectory> extensionFiles; // by std::atomic_load and atomic_store
    std::unique_ptr<HostServices> clusterServices;
    std::shared_ptr<ExtensionCluster> extensionResources; // by std::atomic_load and atomic_store
    std::unique_ptr<Evictor> evictor;
    Jobs jobs;
    std::unique_ptr<HealthServer> health;
    std::unique_ptr<AdminServer> admin;
    std::atomic<bool> ready{false};
    std::unique_ptr<PluginDirectoryWatch> pluginFiles; ///< last: it reloads
};

Host::Host(std::shared_ptr<const Configuration> configuration, Source source)
    : _first(std::move(configuration)), _source(std::move(source)) {}

Host::~Host() = default;

void Host::start() {
    logPlugins(*_first->catalog);
    _rooms = std::make_unique<Rooms>(*_first);
    auto& rooms = *_rooms;
    const auto& settings = _first->settings;
    if (const auto bad = rooms.index.setAside(); !bad.empty())
        log(LogLevel::Warning, "the index could not be used; it was set aside and is learned again", {{"file", bad}});
    rooms.seenFile = identityOf(_source.path);
    rooms.generation = std::make_shared<Generation>(1, _first, rooms.shared(), nullptr);
    rooms.pulls.use(Generation::setup(rooms.generation));

    Evictor::Options eviction;
    eviction.capacity = _first->capacity;
    eviction.forgetHot = [&rooms](const Digest& digest) { rooms.pulls.forgetHot(digest); };
    rooms.evictor = std::make_unique<Evictor>(rooms.cache, rooms.index, eviction);

    const RoomFigures roomFigures({rooms.pulls, rooms.index, rooms.cache, rooms.memory, rooms.extensions,
                                   *_first->catalog, *rooms.evictor, &rooms.jobs});
    rooms.metrics.configured();
    rooms.metrics.beforeText([&rooms, roomFigures](AskedFigures& figures) {
        rooms.metrics.modules(static_cast<double>(rooms.index.moduleCount()));
        rooms.metrics.cacheBytes(static_cast<double>(rooms.index.contentBytes()));
        rooms.metrics.queueDepth(static_cast<double>(rooms.pulls.queued()));
        const auto now = rooms.current();
        now->components().showLimits();
        roomFigures.ask(*now, figures);
    });
    rooms.health = std::make_unique<HealthServer>(settings.health.listen, rooms.metrics, [&rooms] {
        return Readiness{rooms.ready.load(), rooms.ready ? "serving" : "stopping"};
    });
    rooms.admin = std::make_unique<AdminServer>(adminOptions(settings));
    PluginsEndpoint(
        *_first->catalog, [this] { return pluginUses(); },
        [&rooms](std::chrono::milliseconds patience) { return rooms.pluginFiles->rescan(patience); })
        .addTo(*rooms.admin);
    ModulesEndpoint(rooms.index, rooms.cache, [&rooms](const Repository& repository) {
        return rooms.current()->routes().find(repository);
    }).addTo(*rooms.admin);
    ExtensionsEndpoint(rooms.extensions).addTo(*rooms.admin);
    AccessesEndpoint(rooms.index).addTo(*rooms.admin);
    FailuresEndpoint(rooms.pulls.failureLog()).addTo(*rooms.admin);
    SetupEndpoints([this, &rooms] { return setupRows(*rooms.current(), *_first, rooms.metrics); }, rooms.memory,
                   rooms.index)
        .addTo(*rooms.admin);
    OperationsEndpoint().addTo(*rooms.admin);
    const auto& written = settings.dataplane.publicUrl.get();
    // Pulled as soon as it is known, so that what is wrong shows before a proxy asks.
    rooms.extensions.onChange([&rooms](const std::string& name) {
        // What was in the cache is told by no pull.
        const auto known = [&rooms, name, then = rooms.extensions.find(name)](const ModuleResult& result) {
            const auto* module = std::get_if<ServedModule>(&result);
            if (module && rooms.extensions.find(name) == then)
                rooms.extensions.record(name, {module->manifest, module->module, {}, std::chrono::system_clock::now()});
        };
        rooms.pulls.byExtension(name, std::nullopt, {"extension-" + name, OwnAddress}, known);
    });
    rooms.extensions.onOutcome([&rooms](const ExtensionCatalog::Entry& entry) {
        if (const auto resources = std::atomic_load(&rooms.extensionResources)) resources->outcome(entry);
    });
    useSettings(*_first, nullptr);
    addOperations(written.empty() ? "http://" + settings.dataplane.listen.get() : written);

    rooms.dataPlane.start();
    rooms.ready = true;
    rooms.health->start();
    // Settings that were refused for want of a plugin may be met now, and instances be of its new version.
    rooms.pluginFiles =
        std::make_unique<PluginDirectoryWatch>(*_first->catalog, [this] { reload("a plugin was loaded"); });
    rooms.admin->start();
    log(LogLevel::Information, "ready",
        {{"dataplane", settings.dataplane.listen},
         {"health", settings.health.listen},
         {"admin", settings.admin.listen},
         {"modules", std::to_string(rooms.index.moduleCount())}});
}

void Host::addOperations(const std::string& publicUrl) {
    auto& rooms = *_rooms;
    auto& admin = *rooms.admin;
    const auto forgetHot = [&rooms](const Digest& digest) { rooms.pulls.forgetHot(digest); };
    const auto limits = [&rooms] { return rooms.current()->limits(); };
    admin.add({"GET", "/api/v1/resolve", AdminRole::Read, ResolveEndpoint(rooms.pulls, rooms.index, publicUrl)});
    JobEndpoints(rooms.jobs).addTo(admin);
    PullEndpoints(rooms.jobs, rooms.pulls, ModuleDescription(rooms.index, publicUrl)).addTo(admin);
    StoreEndpoints(
        {rooms.jobs, rooms.index, rooms.cache, *rooms.evictor, forgetHot, rooms.current()->limits().manifestBytes})
        .addTo(admin);
    ArchiveEndpoints(
        {rooms.jobs, rooms.index, rooms.cache, rooms.pulls, limits, adminOptions(_first->settings).uploadDirectory})
        .addTo(admin);
    ExtensionFileEndpoints(rooms.extensions, [&rooms] { return std::atomic_load(&rooms.extensionFiles); }).addTo(admin);
    SettingsEndpoints({[this](const std::string& ini) { return validate(ini); },
                       [this](const std::string& why) {
                           auto report = reload(why);
                           return SettingsEndpoints::Reloaded{report.applied, report.generation,
                                                              std::move(report.problems),
                                                              std::move(report.restartNeeded)};
                       }})
        .addTo(admin);
}

std::vector<SettingsProblem> Host::validate(const std::string& ini) const {
    std::vector<SettingsProblem> problems;
    auto document = readIni(ini, "request", problems);
    // No library is looked for where a request says.
    for (auto& section : document.sections) {
        if (section.kind != "plugins") continue;
        for (auto it = section.values.begin(); it != section.values.end();) {
            if (it->key != "directory") {
                ++it;
                continue;
            }
            problems.push_back({it->origin, "plugins.directory", "is not looked at here: set it in the file"});
            it = section.values.erase(it);
        }
    }
    const Configuration checked(std::move(document), _source.environment, problems, _first->catalog);
    return problems;
}

void Host::useSettings(const Configuration& configuration, const Configuration* before) {
    auto& rooms = *_rooms;
    const auto& settings = configuration.settings;
    rooms.extensions.enable(settings.mesh.enableWasmDownloadProxy);
    if (!rooms.extensions.enabled())
        log(LogLevel::Warning, "no Extension is served", {{"cause", "[mesh] enable-wasm-download-proxy is false"}});
    rooms.evictor->setCapacity(configuration.capacity);
    if (before && settings.log.level.get() != before->settings.log.level.get()) setLogLevel(settings.log.level);
    startExtensions(configuration, before);
}

void Host::startExtensions(const Configuration& configuration, const Configuration* before) {
    auto& rooms = *_rooms;
    const auto& directory = configuration.settings.extensions.directory.get();
    if (!before || directory != before->settings.extensions.directory.get()) {
        std::atomic_store(&rooms.extensionFiles, std::shared_ptr<ExtensionDirectory>());
        if (directory.empty())
            rooms.extensions.replace("directory", {});
        else
            std::atomic_store(&rooms.extensionFiles, std::make_shared<ExtensionDirectory>(directory, rooms.extensions));
    }
    if (before && configuration.clusterKey() == before->clusterKey()) return;
    std::atomic_store(&rooms.extensionResources, std::shared_ptr<ExtensionCluster>());
    if (!configuration.cluster) return rooms.extensions.replace("kubernetes", {});
    rooms.clusterServices = Components::servicesFor("extensions");
    const auto url = configuration.settings.dataplane.publicUrl.get();
    const auto resources = std::make_shared<ExtensionCluster>(
        *rooms.clusterServices, *configuration.cluster, configuration.clusterNamespace, rooms.extensions,
        [url](const std::string& name, const Digest& manifest) {
            return url.empty() ? url : url + "/extensions/" + name + ".wasm?digest=" + manifest.str();
        });
    std::atomic_store(&rooms.extensionResources, resources);
    resources->start();
}

ReloadReport Host::reload(const std::string& why) {
    auto& rooms = *_rooms;
    const std::lock_guard<std::mutex> lock(rooms.reloading);
    const auto before = rooms.current();
    ReloadReport report;
    report.generation = before->number();
    rooms.seenFile = identityOf(_source.path);
    auto fresh = std::make_shared<Configuration>(_source.path, _source.environment, report.problems, _first->catalog);
    std::shared_ptr<Generation> next;
    if (report.problems.empty()) {
        try {
            next = std::make_shared<Generation>(before->number() + 1, fresh, rooms.shared(), before.get());
        } catch (const Error& error) {
            report.problems.push_back(
                {_source.path, "", error.what() + (error.hint().empty() ? "" : "; " + error.hint())});
        }
    }
    rooms.metrics.reload(next != nullptr);
    if (!next) {
        for (const auto& problem : report.problems)
            log(LogLevel::Error, "configuration refused; the one before stays in force",
                {{"trigger", why}, {"file", problem.origin}, {"key", problem.key}, {"cause", problem.message}});
        return report;
    }
    report.applied = true;
    report.generation = next->number();
    report.restartNeeded = fresh->restartKeys(*_first);
    {
        const std::lock_guard<std::mutex> guard(rooms.mutex);
        rooms.retired.push_back(std::move(rooms.generation));
        rooms.generation = next;
    }
    rooms.pulls.use(Generation::setup(next));
    useSettings(*fresh, &before->configuration());
    rooms.metrics.configured();
    log(LogLevel::Information, "configuration reloaded",
        {{"trigger", why}, {"generation", std::to_string(report.generation)}});
    for (const auto& key : report.restartNeeded)
        log(LogLevel::Warning, "a changed setting counts only after a restart", {{"key", key}});
    return report;
}

std::vector<PluginsEndpoint::Use> Host::pluginUses() const {
    const auto generation = _rooms->current();
    const auto& now = generation->configuration();
    std::vector<PluginsEndpoint::Use> uses;
    const auto add = [&](const char* kind, const std::vector<InstancePlan>& plans) {
        for (const auto& plan : plans)
            uses.push_back({std::string(kind) + "." + plan.name, plan.factory});
    };
    add("cache", _first->caches); // made once
    add("credential", now.credentials);
    add("backend", now.backends);
    return uses;
}

void Host::tidy() {
    auto& rooms = *_rooms;
    std::vector<std::shared_ptr<Generation>> ended;
    {
        const std::lock_guard<std::mutex> lock(rooms.mutex);
        auto& all = rooms.retired;
        for (auto it = all.begin(); it != all.end();) {
            if (it->use_count() == 1) {
                ended.push_back(std::move(*it));
                it = all.erase(it);
            } else {
                ++it;
            }
        }
    }
    ended.clear(); // their plugins' threads are joined here
    if (!rooms.current()->configuration().settings.reload.onChange) return;
    std::string seen;
    {
        const std::lock_guard<std::mutex> lock(rooms.reloading);
        seen = rooms.seenFile;
    }
    if (const auto now = identityOf(_source.path); !now.empty() && now != seen) reload("the file changed");
}

void Host::stop(const char* why) {
    if (!_rooms) return;
    auto& rooms = *_rooms;
    log(LogLevel::Information, "stopping", {{"cause", why}});
    rooms.ready = false;
    rooms.pluginFiles->stop(); // no reload from here on
    if (!rooms.dataPlane.drain(DrainLimit))
        log(LogLevel::Warning, "some answers were not finished within the drain limit");
    rooms.jobs.stop();
    rooms.pulls.stop();
    rooms.dataPlane.stop();
    rooms.admin->stop();
    rooms.health->stop();
    std::atomic_store(&rooms.extensionFiles, std::shared_ptr<ExtensionDirectory>());
    std::atomic_store(&rooms.extensionResources, std::shared_ptr<ExtensionCluster>());
    rooms.evictor.reset();
    _rooms.reset();
    log(LogLevel::Information, "stopped");
}

} // namespace wasmproxy::host
