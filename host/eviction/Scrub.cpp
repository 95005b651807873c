// SPDX-License-Identifier: Apache-2.0
#include "eviction/Scrub.h"

#include "observe/Log.h"
#include "pull/IndexWrite.h"

#include <fcntl.h>

namespace wasmproxy::host {
namespace {

/// What is on the disk is what is to be read, and what nobody else wants is not to fill the memory.
void forgetPages(const Blob& blob) {
    if (blob.descriptor() >= 0) ::posix_fadvise(blob.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
}

} // namespace

Scrub::Report Scrub::run(Call& call, const Progress& progress) {
    std::vector<Place> places;
    for (const auto& tier : _cache.tiers())
        if (!tier.shared) list(call, tier, places);
    auto report = read(call, places, progress, {});
    for (const auto& tier : _cache.tiers())
        if (!tier.shared) _cache.scrubbedAll(tier);
    return report;
}

Scrub::Report Scrub::run(Call& call, const CacheTiers::Tier& tier, const Pace& pace) {
    std::vector<Place> places;
    list(call, tier, places);
    auto report = read(
        call, places, [](std::uint64_t, std::uint64_t) {}, pace);
    _cache.scrubbedAll(tier);
    return report;
}

void Scrub::list(Call& call, const CacheTiers::Tier& tier, std::vector<Place>& places) {
    tier.store->visit(call, [&](const StoredBlob& blob) { places.push_back({&tier, blob.digest}); });
}

Scrub::Report Scrub::read(Call& call, const std::vector<Place>& places, const Progress& progress, const Pace& pace) {
    Report report;
    for (const auto& place : places) {
        progress(report.contents, places.size());
        call.check("scrubbing the cache");
        ++report.contents;
        look(call, place, pace, report);
    }
    progress(report.contents, places.size());
    return report;
}

void Scrub::look(Call& call, const Place& place, const Pace& pace, Report& report) {
    const auto& [tier, digest] = place;
    bool good = false;
    try {
        const auto blob = tier->store->open(call, digest);
        if (!blob) return; // evicted meanwhile
        report.bytes += blob->size();
        forgetPages(*blob);
        good = CacheTiers::matches(*blob, digest, call, pace);
        if (tier == &_cache.main() && !_cache.leases().leased(digest)) forgetPages(*blob);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::StorageFault) throw;
        // The device may be well again in a while: nothing is lost that is still there.
        ++report.unreadable;
        if (_forgetHot) _forgetHot(digest);
        log(LogLevel::Error, "cached content cannot be read; it will be fetched again when it is asked for",
            {{"request", call.requestId()},
             {"cache", tier->name},
             {"digest", digest.str()},
             {"cause", error.what()},
             {"hint", error.hint()}});
        return;
    }
    _cache.scrubbed(*tier, good);
    if (good) return;
    _cache.discard(call, *tier, digest);
    // After it, so that nobody opens the same file again in between.
    if (_forgetHot) _forgetHot(digest);
    if (tier == &_cache.main()) writeIndex(call.requestId(), [&, &gone = digest] { _index.forgetContent(gone); });
    ++report.removed;
    if (report.bad.size() < MostNamed) report.bad.push_back({tier->name, digest});
    log(LogLevel::Error, "a scrub found content that does not match its digest; it will be fetched again",
        {{"request", call.requestId()}, {"cache", tier->name}, {"digest", digest.str()}});
}

} // namespace wasmproxy::host
