// SPDX-License-Identifier: Apache-2.0
#include "Host.h"

#include "AdminSetup.h"
#include "HostRooms.h"
#include "RoomFigures.h"
#include "observe/Log.h"

namespace wasmproxy::host {
namespace {

// As long as an agent may still wait for an answer; longer than pull.hold and the body after it.
constexpr std::chrono::seconds DrainLimit{25};
// Stands for a caller where the proxy itself asks.
constexpr const char* OwnAddress = "-";

void logPlugins(const PluginCatalog& catalog) {
    for (const auto& plugin : catalog.plugins())
        PluginDirectoryWatch::report(plugin);
}

} // namespace

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
    rooms.seenFile = fileIdentity();
    rooms.generation = std::make_shared<Generation>(1, _first, rooms.shared(), nullptr);
    rooms.pulls.use(Generation::setup(rooms.generation));

    Evictor::Options eviction;
    eviction.capacity = _first->capacityOf(rooms.cache.main().name, *_first);
    eviction.forgetHot = [&rooms](const Digest& digest) { rooms.pulls.forgetHot(digest); };
    rooms.evictor = std::make_unique<Evictor>(rooms.cache, rooms.index, eviction);
    rooms.cache.onSpareLeaving(eviction.forgetHot);
    rooms.scrubber = std::make_unique<Scrubber>(rooms.cache, Scrub(rooms.cache, rooms.index, eviction.forgetHot));

    rooms.prefetch = std::make_unique<Prefetch>(rooms.pulls);
    const RoomFigures roomFigures({rooms.pulls, rooms.index, rooms.cache, rooms.memory, rooms.extensions,
                                   *_first->catalog, *rooms.evictor, &rooms.jobs, rooms.prefetch.get()});
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
        if (!rooms.ready) return Readiness{false, "stopping"};
        const auto waiting = rooms.prefetch->waiting();
        return Readiness{waiting.empty(), waiting.empty() ? "serving" : waiting};
    });
    rooms.admin = std::make_unique<AdminServer>(adminOptions(settings));
    addEndpoints();
    // Pulled as soon as it is known, so that what is wrong shows before a proxy asks.
    rooms.extensions.onChange([&rooms](const std::string& name) {
        // What was in the cache is told by no pull.
        const auto known = [&rooms, name, then = rooms.extensions.find(name)](const ModuleResult& result) {
            const auto* module = std::get_if<ServedModule>(&result);
            if (module && rooms.extensions.find(name) == then)
                rooms.extensions.record(name, {module->manifest, module->module, {}, std::chrono::system_clock::now()});
        };
        const auto extension = rooms.extensions.find(name);
        if (const auto why = extension ? extension->secretIgnored() : ""; !why.empty())
            log(LogLevel::Warning, "an extension's imagePullSecret is not used",
                {{"extension", extension->origin}, {"secret", extension->imagePullSecret}, {"cause", why}});
        rooms.pulls.byExtension(name, std::nullopt, {"extension-" + name, OwnAddress}, known);
    });
    rooms.extensions.onOutcome([&rooms](const ExtensionCatalog::Entry& entry) {
        if (const auto resources = std::atomic_load(&rooms.extensionResources)) resources->outcome(entry);
    });
    useSettings(*_first, nullptr);

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
    rooms.scrubber.reset();
    rooms.evictor.reset();
    _rooms.reset();
    log(LogLevel::Information, "stopped");
}

} // namespace wasmproxy::host
