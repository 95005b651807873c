// SPDX-License-Identifier: Apache-2.0
// What a Host offers on its admin port.
#include "AdminSetup.h"
#include "HostRooms.h"
#include "SetupView.h"
#include "admin/AccessesEndpoint.h"
#include "admin/ArchiveEndpoints.h"
#include "admin/ExtensionFileEndpoints.h"
#include "admin/ExtensionsEndpoint.h"
#include "admin/FailuresEndpoint.h"
#include "admin/FreshnessEndpoints.h"
#include "admin/JobEndpoints.h"
#include "admin/ModulesEndpoint.h"
#include "admin/OperationsEndpoint.h"
#include "admin/PluginsEndpoint.h"
#include "admin/PullEndpoints.h"
#include "admin/ResolveEndpoint.h"
#include "admin/SettingsEndpoints.h"
#include "admin/SetupEndpoints.h"
#include "admin/StoreEndpoints.h"

namespace wasmproxy::host {

void Host::addEndpoints() {
    auto& rooms = *_rooms;
    auto& admin = *rooms.admin;
    const auto& dataplane = _first->settings.dataplane;
    const auto& written = dataplane.publicUrl.get();
    const auto publicUrl = written.empty() ? "http://" + dataplane.listen.get() : written;
    PluginsEndpoint(
        *_first->catalog, [this] { return pluginUses(); },
        [&rooms](std::chrono::milliseconds patience) { return rooms.pluginFiles->rescan(patience); })
        .addTo(admin);
    ModulesEndpoint(rooms.index, rooms.cache, [&rooms](const Repository& repository) {
        return rooms.current()->routes().find(repository);
    }).addTo(admin);
    ExtensionsEndpoint(rooms.extensions).addTo(admin);
    AccessesEndpoint(rooms.index).addTo(admin);
    FailuresEndpoint(rooms.pulls.failureLog()).addTo(admin);
    FreshnessEndpoints(rooms.pulls.tagMoves(), *rooms.prefetch).addTo(admin);
    SetupEndpoints([this, &rooms] { return setupRows(*rooms.current(), *_first, rooms.metrics, rooms.cache); },
                   rooms.memory, rooms.index)
        .addTo(admin);
    OperationsEndpoint().addTo(admin);
    const auto forgetHot = [&rooms](const Digest& digest) { rooms.pulls.forgetHot(digest); };
    const auto limits = [&rooms] { return rooms.current()->limits(); };
    admin.add({"GET", "/api/v1/resolve", AdminRole::Read, ResolveEndpoint(rooms.pulls, rooms.index, publicUrl)});
    JobEndpoints(rooms.jobs).addTo(admin);
    PullEndpoints(rooms.jobs, rooms.pulls, ModuleDescription(rooms.index, publicUrl)).addTo(admin);
    const auto distrust = [&rooms](const Reference& tag) { rooms.pulls.distrust(tag); };
    StoreEndpoints({rooms.jobs,
                    rooms.index,
                    rooms.cache,
                    *rooms.evictor,
                    {forgetHot, distrust},
                    rooms.current()->limits().manifestBytes})
        .addTo(admin);
    ArchiveEndpoints({rooms.jobs, rooms.index, rooms.cache, rooms.pulls, limits,
                      adminOptions(_first->settings).uploadDirectory, ModuleDescription(rooms.index, publicUrl)})
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

} // namespace wasmproxy::host
