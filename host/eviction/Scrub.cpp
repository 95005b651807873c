// SPDX-License-Identifier: Apache-2.0
#include "eviction/Scrub.h"

#include "observe/Log.h"

namespace wasmproxy::host {

Scrub::Report Scrub::run(Call& call, const Progress& progress) {
    struct Place {
        const CacheTiers::Tier* tier;
        Digest digest;
    };
    std::vector<Place> places;
    for (const auto& tier : _cache.tiers())
        // What is shared is verified whenever it is used, and by whoever scrubs that store.
        if (!tier.shared)
            tier.store->visit(call, [&](const StoredBlob& blob) { places.push_back({&tier, blob.digest}); });

    Report report;
    for (const auto& [tier, digest] : places) {
        progress(report.contents, places.size());
        call.check("scrubbing the cache");
        ++report.contents;
        const auto blob = tier->store->open(call, digest);
        if (!blob) continue; // evicted meanwhile
        report.bytes += blob->size();
        const bool good = CacheTiers::matches(*blob, digest, call);
        _cache.scrubbed(*tier, good);
        if (good) continue;
        if (_forgetHot) _forgetHot(digest);
        _cache.remove(call, *tier, digest);
        if (tier == &_cache.main()) _index.forgetContent(digest);
        ++report.removed;
        if (report.bad.size() < MostNamed) report.bad.push_back({tier->name, digest});
        log(LogLevel::Error, "cached content does not match its digest; removed, it will be fetched again",
            {{"request", call.requestId()}, {"cache", tier->name}, {"digest", digest.str()}});
    }
    progress(report.contents, places.size());
    return report;
}

} // namespace wasmproxy::host
