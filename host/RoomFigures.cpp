// SPDX-License-Identifier: Apache-2.0
#include "RoomFigures.h"

namespace wasmproxy::host {
namespace {

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

double seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

} // namespace

void RoomFigures::ask(const Generation& now, AskedFigures& figures) const {
    figures.gauge("wasm_proxy_configuration_generation", "Counts the configurations that came into force.")
        .add(number(now.number()));
    askCache(figures);
    askTags(now.routes(), figures);
    askCredentials(now.keychain(), figures);
    askStates(figures);
}

void RoomFigures::askCache(AskedFigures& figures) const {
    figures.gauge("wasm_proxy_cache_capacity_bytes", "Bytes that the cache may use.")
        .add(number(_rooms.evictor.capacity()));
    figures.gauge("wasm_proxy_cache_contents", "Contents in the cache: modules, layers and manifests.")
        .add(number(_rooms.index.contentCount()));
    figures.gauge("wasm_proxy_pins", "Modules and manifests that an operator keeps from eviction.")
        .add(number(_rooms.index.pins().size()));
    auto& lookups =
        figures.counter("wasm_proxy_cache_lookups_total", "Contents that were looked for in a cache, by its name.");
    auto& checked = figures.counter("wasm_proxy_cache_scrubbed_contents_total", "Contents that scrubs have read.");
    auto& bad = figures.counter("wasm_proxy_cache_bad_contents_total",
                                "Contents that were not what their digest says, and were removed.");
    auto& errors = figures.counter("wasm_proxy_cache_errors_total", "Failures of a cache that no request fails for.");
    auto& bytes = figures.gauge("wasm_proxy_cache_tier_bytes", "Bytes in each local cache, by its name.");
    auto& contents = figures.gauge("wasm_proxy_cache_tier_contents", "Contents in each local cache.");
    for (const auto& tier : _rooms.cache.uses()) {
        const bool main = tier.kind == CacheTiers::Kind::Main;
        errors.add({{"cache", tier.name}}, number(tier.errors));
        if (tier.kind != CacheTiers::Kind::Shared) {
            bytes.add({{"cache", tier.name}}, number(main ? _rooms.index.contentBytes() : tier.held.bytes));
            contents.add({{"cache", tier.name}}, number(main ? _rooms.index.contentCount() : tier.held.contents));
        }
        lookups.add({{"cache", tier.name}, {"result", "hit"}}, number(tier.hits));
        lookups.add({{"cache", tier.name}, {"result", "miss"}}, number(tier.misses));
        checked.add({{"cache", tier.name}}, number(tier.scrubbed));
        bad.add({{"cache", tier.name}}, number(tier.bad));
    }
    auto& aside = figures.gauge("wasm_proxy_cache_quarantined_contents", "Damaged contents that were put aside.");
    auto& asideBytes = figures.gauge("wasm_proxy_cache_quarantined_bytes", "Their bytes.");
    auto& scrubs =
        figures.gauge("wasm_proxy_cache_last_scrub_timestamp_seconds",
                      "When all that a cache holds had been read and compared last; 0: not since the start.");
    for (const auto& tier : _rooms.cache.uses()) {
        if (tier.kind == CacheTiers::Kind::Shared) continue;
        aside.add({{"cache", tier.name}}, number(tier.quarantined.contents));
        asideBytes.add({{"cache", tier.name}}, number(tier.quarantined.bytes));
        scrubs.add({{"cache", tier.name}}, seconds(tier.lastScrub));
    }
    figures.gauge("wasm_proxy_spare_memory_bytes", "Memory in use for what the cache's disk could not take.")
        .add(number(_rooms.cache.spareBytes()));
    figures.gauge("wasm_proxy_cache_lingering_bytes", "Bytes of removed contents that answers still send.")
        .add(number(_rooms.cache.leases().lingeringBytes()));
    const auto evicted = _rooms.evictor.total();
    figures.counter("wasm_proxy_cache_evicted_contents_total", "Contents that were evicted.")
        .add(number(evicted.contents));
    figures.counter("wasm_proxy_cache_evicted_bytes_total", "Bytes that were evicted.").add(number(evicted.bytes));
    const auto hot = _rooms.pulls.hotLookups();
    auto& hits = figures.counter("wasm_proxy_hot_lookups_total", "Modules that were looked for among the open ones.");
    hits.add({{"result", "hit"}}, number(hot.hits));
    hits.add({{"result", "miss"}}, number(hot.misses));
    const auto shared = _rooms.pulls.sharing().figures();
    auto& records =
        figures.counter("wasm_proxy_shared_records_total",
                        "Times that a tag or module was taken over from another replica, or given to them.");
    records.add({{"result", "learned"}}, number(shared.learned));
    records.add({{"result", "published"}}, number(shared.published));
    figures
        .counter("wasm_proxy_replica_waits_total", "Looks at what another replica is pulling, instead of pulling it.")
        .add(number(shared.left));
    figures.gauge("wasm_proxy_index_in_memory", "1: the index's folder could not be written at the start.")
        .add(_rooms.index.inMemory() ? 1 : 0);
    figures.counter("wasm_proxy_dropped_accesses_total", "Accesses that were not recorded since too many waited.")
        .add(number(_rooms.index.droppedAccesses()));
}

void RoomFigures::askTags(const RouteTable& routes, AskedFigures& figures) const {
    std::map<std::string, std::uint64_t> counts{{"fresh", 0}, {"stale", 0}, {"expired", 0}};
    const auto now = std::chrono::system_clock::now();
    const Route standard{"", Pattern("extensions.invalid/**"), "", nullptr, {}}; // what only an Extension names
    for (const auto& [key, tag] : _rooms.index.tags()) {
        const auto route = routes.find(Reference::parse(key).repository());
        const auto& rules = route ? *route : standard;
        ++counts[nameOf(rules.freshness().at(tag.validatedAt, now))];
    }
    auto& tags = figures.gauge("wasm_proxy_tags", "Tags by freshness: what the registry said of them lately counts; "
                                                  "counts if it cannot be asked; counts no more.");
    for (const auto& [state, count] : counts)
        tags.add({{"freshness", state}}, number(count));
    figures
        .counter("wasm_proxy_tag_moves_total", "Tags that meant something else than when they were asked for before.")
        .add(number(_rooms.pulls.tagMoves().total()));
}

void RoomFigures::askCredentials(const Keychain& keychain, AskedFigures& figures) const {
    auto& lookups = figures.counter("wasm_proxy_credential_lookups_total",
                                    "Questions to credential sources since the configuration came into force.");
    auto& last = figures.gauge("wasm_proxy_credential_last_success_timestamp_seconds",
                               "When a credential source last answered.");
    for (const auto& [source, use] : keychain.uses()) {
        lookups.add({{"source", source}, {"result", "success"}}, number(use.asked - use.failed));
        lookups.add({{"source", source}, {"result", "failure"}}, number(use.failed));
        if (seconds(use.lastSuccess) > 0) last.add({{"source", source}}, seconds(use.lastSuccess));
    }
    auto& rejected = figures.gauge("wasm_proxy_credentials_rejected",
                                   "Credentials that are not shown to a registry for now, since it rejected them.");
    std::uint64_t denied = 0;
    for (const auto& refusal : _rooms.memory.refusals())
        if (refusal.where.find('/') == std::string::npos)
            rejected.add({{"registry", refusal.where}}, 1);
        else
            ++denied;
    figures
        .gauge("wasm_proxy_credentials_denied",
               "Credentials and repositories that they are not shown for now, since they were denied there.")
        .add(number(denied));
}

void RoomFigures::askStates(AskedFigures& figures) const {
    auto& plugins = figures.gauge("wasm_proxy_plugins", "Libraries of the plugin directory by state.");
    for (const char* state : {"checking", "loaded", "refused", "outdated", "removed"})
        plugins.add({{"state", state}}, 0);
    for (const auto& plugin : _rooms.plugins.plugins())
        plugins.add({{"state", plugin.state}}, 1);

    auto& jobs = figures.gauge("wasm_proxy_jobs", "Jobs that are remembered, by state.");
    for (const char* state : {"queued", "running", "succeeded", "failed", "cancelled"})
        jobs.add({{"state", state}}, 0);
    if (_rooms.jobs)
        for (const auto& job : _rooms.jobs->all())
            jobs.add({{"state", job.phaseName()}}, 1);

    auto& prefetched = figures.gauge("wasm_proxy_prefetch_references", "References of [prefetch], by state.");
    const auto wanted = _rooms.prefetch ? _rooms.prefetch->state() : Prefetch::State();
    prefetched.add({{"state", "pulled"}}, number(wanted.pulled()));
    prefetched.add({{"state", "failed"}}, number(wanted.failed()));
    prefetched.add({{"state", "pending"}}, number(wanted.items.size() - wanted.pulled() - wanted.failed()));

    auto& extensions = figures.gauge("wasm_proxy_extensions",
                                     "Extensions by state: in force, in force though the last pull failed, invalid.");
    for (const char* state : {"good", "failing", "invalid"})
        extensions.add({{"state", state}}, 0);
    for (const auto& entry : _rooms.extensions.entries())
        extensions.add({{"state", !entry.document.problems.empty() || !entry.document.extension ? "invalid"
                                  : !entry.outcome.error.empty()                                ? "failing"
                                                                                                : "good"}},
                       1);
}

} // namespace wasmproxy::host
