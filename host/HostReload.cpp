// SPDX-License-Identifier: Apache-2.0
// What of a Host follows the configuration in force.
#include "HostRooms.h"
#include "observe/Log.h"

#include <sys/stat.h>

namespace wasmproxy::host {
namespace {

/// Which content a path leads to, links followed: the swap of a ConfigMap volume's `..data` is a change. Empty: none.
std::string identityOf(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return std::to_string(status.st_dev) + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) +
           " " + std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

} // namespace

std::string Host::fileIdentity() const {
    return identityOf(_source.path);
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
    rooms.evictor->setCapacity(configuration.capacityOf(rooms.cache.main().name, *_first));
    for (const auto& tier : rooms.cache.tiers())
        rooms.cache.setCapacity(tier.name, configuration.capacityOf(tier.name, *_first));
    Scrubber::Timings scrubs;
    for (const auto& cache : settings.caches)
        scrubs[cache.name] = {cache.common->scrubEvery, cache.common->scrubRate.get()};
    rooms.scrubber->use(std::move(scrubs));
    if (before && settings.log.level.get() != before->settings.log.level.get()) setLogLevel(settings.log.level);
    startExtensions(configuration, before);
    const auto& prefetch = settings.prefetch;
    rooms.prefetch->use({prefetch.references.get(), prefetch.every,
                         prefetch.waitReady ? prefetch.waitAtMost.get() : std::chrono::milliseconds(0)});
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
    const auto url = configuration.settings.dataplane.publicUrl.get();
    const auto resources = std::make_shared<ExtensionCluster>(
        Components::servicesFor("extensions"), *configuration.cluster, configuration.clusterNamespace, rooms.extensions,
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
    rooms.seenFile = fileIdentity();
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
    if (!next) {
        for (const auto& problem : report.problems)
            log(LogLevel::Error, "configuration refused; the one before stays in force",
                {{"trigger", why}, {"file", problem.origin}, {"key", problem.key}, {"cause", problem.message}});
        rooms.metrics.reload(false);
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
    rooms.metrics.reload(true); // last: who sees it sees the rest
    return report;
}

void Host::tidy() {
    auto& rooms = *_rooms;
    rooms.prefetch->tick();
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
    if (const auto now = fileIdentity(); !now.empty() && now != seen) reload("the file changed");
}

} // namespace wasmproxy::host
