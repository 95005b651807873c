// SPDX-License-Identifier: Apache-2.0
#include "admin/SetupEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/Page.h"
#include "admin/TimeText.h"
#include "index/DigestIndex.h"
#include "keychain/CredentialMemory.h"
#include "observe/Log.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;
using Time = std::chrono::system_clock::time_point;

constexpr auto Options = Poco::JSON_PRESERVE_KEY_ORDER | Poco::JSON_ESCAPE_UNICODE;

Array namesOf(const std::vector<std::string>& names) {
    Array array;
    for (const auto& name : names)
        array.add(name);
    return array;
}

Array settingsOf(const std::vector<SettingRow>& settings) {
    Array array;
    for (const auto& row : settings) {
        Object setting(Options);
        setting.set("key", row.key);
        setting.set("value", row.value);
        if (!row.origin.empty()) setting.set("origin", row.origin);
        array.add(setting);
    }
    return array;
}

Object describe(const InstanceRow& row) {
    Object health(Options);
    health.set("calls", static_cast<Poco::UInt64>(row.calls));
    health.set("failures", static_cast<Poco::UInt64>(row.failures));
    Object object(Options);
    object.set("name", row.name);
    object.set("kind", row.kind);
    object.set("component", row.component);
    object.set("plugin", row.plugin);
    object.set("version", row.version);
    object.set("health", health);
    object.set("settings", settingsOf(row.settings));
    return object;
}

Object describe(const RouteRow& row) {
    Object object(Options);
    object.set("name", row.name);
    object.set("match", row.match);
    object.set("backend", row.backend);
    object.set("credentials", namesOf(row.credentials));
    object.set("anonymous", row.anonymous);
    object.set("pullPolicy", row.alwaysAsk ? "always" : "if-not-present");
    object.set("tagTtlSeconds", static_cast<double>(row.tagTtl.count()) / 1000);
    object.set("staleIfErrorSeconds", static_cast<double>(row.staleIfError.count()) / 1000);
    Array mirrors;
    for (const auto& [name, host] : row.mirrors) {
        Object mirror(Options);
        mirror.set("name", name);
        mirror.set("host", host);
        mirrors.add(mirror);
    }
    object.set("mirrors", mirrors);
    return object;
}

/// "team" of a credential's name "team: registry.example.com in docker-config.json".
const char* kindName(CacheTiers::Kind kind) {
    switch (kind) {
    case CacheTiers::Kind::Faster:
        return "faster";
    case CacheTiers::Kind::Main:
        return "main";
    default:
        return "shared";
    }
}

std::string sourceOf(const std::string& credential) {
    return credential.substr(0, credential.find(": "));
}

struct Credentials {
    std::string name; ///< of the source
    Keychain::Use use;
    std::vector<std::pair<std::string, Time>> accepted;
    std::vector<CredentialMemory::Refusal> refused;
};

Object describe(const Credentials& source) {
    const auto never = Time{};
    const auto& use = source.use;
    const char* status = use.asked == 0                      ? "not asked yet"
                         : use.lastFailure > use.lastSuccess ? "failing"
                         : source.refused.empty()            ? "good"
                         : source.accepted.empty()           ? "refused"
                                                             : "partly refused";
    Object object(Options);
    object.set("name", source.name);
    object.set("status", status);
    object.set("asked", static_cast<Poco::UInt64>(use.asked));
    object.set("failed", static_cast<Poco::UInt64>(use.failed));
    if (use.lastSuccess != never) object.set("lastSuccess", timeText(use.lastSuccess));
    if (use.lastFailure != never) {
        object.set("lastFailure", timeText(use.lastFailure));
        object.set("lastError", use.lastError);
    }
    Array accepted;
    for (const auto& [name, at] : source.accepted) {
        Object each(Options);
        each.set("credential", name);
        each.set("lastAccepted", timeText(at));
        accepted.add(each);
    }
    object.set("accepted", accepted);
    Array refused;
    for (const auto& refusal : source.refused) {
        Object each(Options);
        each.set("credential", refusal.credential);
        each.set("where", refusal.where);
        each.set("cause", refusal.message);
        each.set("nextTry", timeText(refusal.nextTry));
        refused.add(each);
    }
    object.set("refused", refused);
    return object;
}

} // namespace

void SetupEndpoints::addTo(AdminServer& server) const {
    const auto add = [&](const char* path, AdminAnswer (SetupEndpoints::*answer)(const AdminRequest&) const) {
        server.add({"GET", path, AdminRole::Read,
                    [self = *this, answer](const AdminRequest& request) { return (self.*answer)(request); }});
    };
    add("/api/v1/instances", &SetupEndpoints::instances);
    add("/api/v1/routes", &SetupEndpoints::routes);
    add("/api/v1/credentials", &SetupEndpoints::credentials);
    add("/api/v1/cache", &SetupEndpoints::cache);
    add("/api/v1/configuration", &SetupEndpoints::configuration);
    add("/api/v1/log/level", &SetupEndpoints::level);
}

AdminAnswer SetupEndpoints::instances(const AdminRequest& request) const {
    const Page page(request);
    const auto rows = _rows();
    Object body(Options);
    page.write(
        body, rows.instances, [](const InstanceRow& row) { return row.name; },
        [](const InstanceRow& row) { return describe(row); });
    return AdminAnswer::json(body);
}

AdminAnswer SetupEndpoints::routes(const AdminRequest& request) const {
    const Page page(request);
    auto rows = _rows().routes;
    // In the order they are asked, which a key of its own keeps: names sort otherwise.
    std::vector<std::pair<std::string, RouteRow>> placed;
    for (auto& row : rows) {
        const auto place = std::to_string(placed.size());
        placed.emplace_back(std::string(8 - std::min<std::size_t>(place.size(), 8), '0') + place, std::move(row));
    }
    Object body(Options);
    page.write(
        body, placed, [](const auto& row) { return row.first; }, [](const auto& row) { return describe(row.second); });
    return AdminAnswer::json(body);
}

AdminAnswer SetupEndpoints::credentials(const AdminRequest& request) const {
    const Page page(request);
    std::map<std::string, Credentials> sources;
    for (auto& [name, use] : _rows().sources)
        sources[name] = {name, std::move(use), {}, {}};
    for (const auto& [name, at] : _memory->accepted())
        if (const auto source = sources.find(sourceOf(name)); source != sources.end())
            source->second.accepted.emplace_back(name, at);
    for (auto& refusal : _memory->refusals())
        if (const auto source = sources.find(sourceOf(refusal.credential)); source != sources.end())
            source->second.refused.push_back(std::move(refusal));
    Object body(Options);
    page.write(
        body, sources, [](const auto& each) { return each.first; },
        [](const auto& each) { return describe(each.second); });
    return AdminAnswer::json(body);
}

AdminAnswer SetupEndpoints::cache(const AdminRequest&) const {
    const auto rows = _rows();
    const auto contents = _index->contentsByAge();
    Object body(Options);
    body.set("bytes", static_cast<Poco::UInt64>(_index->contentBytes()));
    for (const auto& tier : rows.tiers)
        if (tier.use.kind == CacheTiers::Kind::Main) body.set("capacity", static_cast<Poco::UInt64>(tier.capacity));
    body.set("contents", static_cast<Poco::UInt64>(contents.size()));
    body.set("modules", static_cast<Poco::UInt64>(_index->moduleCount()));
    body.set("pins", static_cast<Poco::UInt64>(_index->pins().size()));
    if (!contents.empty()) body.set("leastRecentlyUsed", timeText(contents.front().lastUsed));
    Array tiers;
    for (const auto& row : rows.tiers) {
        const bool main = row.use.kind == CacheTiers::Kind::Main;
        Object tier(Options);
        const auto number = [&](const char* key, std::uint64_t value) {
            tier.set(key, static_cast<Poco::UInt64>(value));
        };
        tier.set("name", row.use.name);
        tier.set("kind", kindName(row.use.kind));
        tier.set("writtenTo", main);
        if (row.use.kind != CacheTiers::Kind::Shared) {
            number("capacity", row.capacity);
            number("bytes", main ? _index->contentBytes() : row.use.held.bytes);
            number("contents", main ? contents.size() : row.use.held.contents);
        }
        number("hits", row.use.hits);
        number("misses", row.use.misses);
        number("errors", row.use.errors);
        number("bad", row.use.bad);
        if (row.use.kind != CacheTiers::Kind::Shared) {
            number("scrubbed", row.use.scrubbed);
            number("quarantined", row.use.quarantined.contents);
            number("quarantinedBytes", row.use.quarantined.bytes);
            if (row.use.lastScrub.time_since_epoch().count() > 0) tier.set("lastScrub", timeText(row.use.lastScrub));
        }
        tiers.add(tier);
    }
    body.set("tiers", tiers);
    return AdminAnswer::json(body);
}

AdminAnswer SetupEndpoints::level(const AdminRequest&) const {
    Object body(Options);
    body.set("level", logLevel());
    return AdminAnswer::json(body);
}

AdminAnswer SetupEndpoints::configuration(const AdminRequest&) const {
    const auto rows = _rows();
    Object body(Options);
    body.set("generation", static_cast<Poco::UInt64>(rows.generation));
    Array sections;
    for (const auto& row : rows.sections) {
        Object section(Options);
        section.set("name", row.name);
        section.set("settings", settingsOf(row.settings));
        sections.add(section);
    }
    body.set("restartNeeded", namesOf(rows.restartNeeded));
    body.set("sections", sections);
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
