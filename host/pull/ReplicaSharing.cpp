// SPDX-License-Identifier: Apache-2.0
#include "pull/ReplicaSharing.h"

#include "observe/Log.h"
#include "pull/IndexWrite.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

using std::chrono::seconds;

constexpr seconds LockPatience{2};
constexpr seconds ModuleLifetime{30 * 24 * 3600};
constexpr seconds LongestTag{365 * 24 * 3600};
constexpr std::size_t MaxDisowned = 10000;
constexpr std::size_t MaxWaits = 10000;

/// As long as anybody may use it.
seconds lifetimeOf(const FreshnessRules& rules) {
    const auto ttl = std::chrono::duration_cast<seconds>(rules.tagTtl);
    const auto stale = std::chrono::duration_cast<seconds>(rules.staleIfError);
    return std::max(seconds(1), std::min(ttl, LongestTag) + std::min(stale, LongestTag));
}

} // namespace

bool ReplicaSharing::learn(Call& call, const PullTarget& target) noexcept {
    if (!shares(target)) return false;
    for (const auto& tier : _cache.tiers()) {
        if (!tier.shared) continue;
        try {
            if (!learnFrom(call, tier, target)) continue;
            ++_learned;
            log(LogLevel::Information, "taken over from another replica",
                {{"request", call.requestId()},
                 {"trace", call.trace().traceId()},
                 {"reference", target.reference.str()},
                 {"cache", tier.name}});
            return true;
        } catch (const std::exception& error) {
            _cache.failed(tier, call, "reading a record", error);
        }
    }
    return false;
}

bool ReplicaSharing::learnFrom(Call& call, const CacheTiers::Tier& tier, const PullTarget& target) {
    const auto& reference = target.reference;
    const auto& repository = reference.repository();
    const auto isKnown = [&](const Digest& manifest) {
        const auto record = _index.module(manifest);
        return record && _index.linked(record->module, repository);
    };
    if (reference.digest())
        return !isKnown(*reference.digest()) && learnModule(call, tier, repository, *reference.digest());
    const auto tag = _records.tag(call, tier, reference);
    if (!tag || disowned(reference, tag->validatedAt)) return false;
    if (target.rules().at(tag->validatedAt) == Freshness::Expired) return false;
    if (const auto own = _index.tag(reference); own && own->validatedAt >= tag->validatedAt) return false;
    if (!isKnown(tag->manifest) && !learnModule(call, tier, repository, tag->manifest)) return false;
    writeIndex(call.requestId(), [&] { _index.recordTag(reference, tag->manifest, tag->validatedAt); });
    return true;
}

bool ReplicaSharing::learnModule(Call& call, const CacheTiers::Tier& tier, const Repository& repository,
                                 const Digest& manifest) {
    auto record = _records.module(call, tier, repository, manifest);
    if (!record) return false;
    // What this process found in the manifest itself, in another repository, is no other host's to change.
    if (const auto own = _index.module(manifest)) {
        if (own->module != record->module)
            throw Error(ErrorCode::StorageFault, "the shared record of " + manifest.str() + " in " + repository.str() +
                                                     " names another module than was found in it here");
        record = own;
    }
    writeIndex(call.requestId(), [&] { _index.recordModule(*record, repository); });
    return true;
}

ReplicaSharing::Claim ReplicaSharing::claim(Call& call, const PullTarget& target) noexcept {
    if (!shares(target)) return {};
    for (const auto& tier : _cache.tiers()) {
        if (!tier.shared || !tier.shared->canLock()) continue;
        try {
            // Neither names of Secrets nor of Extensions need be anybody else's to read.
            const auto key = "flight/" + std::string(Digest::of(target.key()).hex());
            auto within = call.within(LockPatience);
            std::shared_ptr<SharedStore::Lock> lock = tier.shared->tryLock(within, key, _lockLifetime);
            if (!lock) {
                if (waitedEnough(key)) return {};
                ++_left;
                return {Turn::Theirs};
            }
            waitNoMore(key);
            // Who had it before may have published since we looked.
            if (learn(call, target)) return {Turn::Learned};
            return {Turn::Ours, std::move(lock)};
        } catch (const std::exception& error) {
            _cache.failed(tier, call, "locking", error);
        }
    }
    return {};
}

bool ReplicaSharing::renew(Call& call, SharedStore::Lock& lock) noexcept {
    try {
        auto within = call.within(LockPatience);
        return lock.renew(within, _lockLifetime);
    } catch (const std::exception& error) {
        log(LogLevel::Debug, "a lock could not be renewed; tried again while it lasts",
            {{"request", call.requestId()}, {"cause", error.what()}});
        return true;
    }
}

/// Who keeps a lock for longer than anybody should is not waited for any more, until somebody else has had it.
bool ReplicaSharing::waitedEnough(const std::string& key) {
    const auto now = Call::Clock::now();
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_waits.size() >= MaxWaits && _waits.count(key) == 0) _waits.erase(_waits.begin());
    auto& wait = _waits.try_emplace(key, Wait{now, now}).first->second;
    if (now - wait.last > _patience) wait.since = now; // another time that it was locked
    wait.last = now;
    return now - wait.since > _patience;
}

void ReplicaSharing::waitNoMore(const std::string& key) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _waits.erase(key);
}

void ReplicaSharing::publish(Call& call, const PullTarget& target, const ModuleRecord& record, bool fetched) noexcept {
    if (!shares(target)) return;
    for (const auto& tier : _cache.tiers()) {
        if (!tier.shared) continue;
        try {
            publishTo(call, tier, target, record, fetched);
        } catch (const std::exception& error) {
            _cache.failed(tier, call, "writing a record", error);
        }
    }
}

void ReplicaSharing::publishTo(Call& call, const CacheTiers::Tier& tier, const PullTarget& target,
                               const ModuleRecord& record, bool fetched) {
    const auto& reference = target.reference;
    const auto& repository = reference.repository();
    // Contents first: a record must not promise what is not there. A store that lost all is filled again.
    if (fetched || !_records.module(call, tier, repository, record.manifest)) {
        if (!_cache.share(call, tier, record.module)) return;
        for (const auto& manifest : {record.manifest, record.selectedManifest})
            _cache.share(call, tier, manifest); // small, and what an export or a purge looks into
        _records.putModule(call, tier, repository, record, ModuleLifetime);
    }
    if (const auto tag = reference.digest() ? std::nullopt : _index.tag(reference);
        tag && tag->digest == record.manifest && !disowned(reference, tag->validatedAt)) {
        std::optional<SharedRecords::Tag> there;
        try {
            there = _records.tag(call, tier, reference);
        } catch (const Error& error) {
            if (error.code() != ErrorCode::StorageFault) throw;
            // Of a time to come, or damaged: overwritten; a store that is down fails the writing, too.
        }
        if (!there || there->validatedAt < tag->validatedAt)
            _records.putTag(call, tier, reference, {tag->digest, tag->validatedAt}, lifetimeOf(target.rules()));
    }
    ++_published;
}

void ReplicaSharing::disown(Call& call, const Reference& reference) noexcept {
    if (reference.digest()) return;
    distrust(reference);
    for (const auto& tier : _cache.tiers()) {
        if (!tier.shared) continue;
        try {
            _records.removeTag(call, tier, reference);
        } catch (const std::exception& error) {
            _cache.failed(tier, call, "removing a record", error);
        }
    }
}

void ReplicaSharing::distrust(const Reference& reference) noexcept {
    if (!_cache.hasShared() || reference.digest()) return;
    try {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_disowned.size() >= MaxDisowned) _disowned.erase(_disowned.begin());
        _disowned[reference.str()] = std::chrono::system_clock::now();
    } catch (const std::bad_alloc&) {
        return;
    }
}

bool ReplicaSharing::disowned(const Reference& reference, Time validatedAt) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _disowned.find(reference.str());
    return found != _disowned.end() && validatedAt <= found->second;
}

} // namespace wasmproxy::host
