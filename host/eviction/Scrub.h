// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"

#include <functional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Reads all that is cached, from the disk where there is one, and discards what is not what its digest says: it is
/// fetched again when it is asked for.
class Scrub {
public:
    struct Bad {
        std::string cache;
        Digest digest;
    };
    struct Report {
        std::uint64_t contents = 0;
        std::uint64_t bytes = 0;
        std::uint64_t removed = 0;
        std::uint64_t unreadable = 0; ///< they stay, and are fetched again when they are asked for
        std::vector<Bad> bad;         ///< the first of those that were removed
    };
    using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

    using Pace = std::function<void(std::size_t bytes)>; ///< told of what was read; may wait

    /// All outlive it. `forgetHot` is called before a content is removed.
    Scrub(CacheTiers& cache, DigestIndex& index, std::function<void(const Digest&)> forgetHot)
        : _cache(cache), _index(index), _forgetHot(std::move(forgetHot)) {}

    /// Every local tier: what is shared is verified whenever it is used, and by whoever scrubs that store.
    Report run(Call& call, const Progress& progress);
    Report run(Call& call, const CacheTiers::Tier& tier, const Pace& pace);

    static constexpr std::size_t MostNamed = 100;

private:
    struct Place {
        const CacheTiers::Tier* tier;
        Digest digest;
    };
    void list(Call& call, const CacheTiers::Tier& tier, std::vector<Place>& places);
    Report read(Call& call, const std::vector<Place>& places, const Progress& progress, const Pace& pace);
    void look(Call& call, const Place& place, const Pace& pace, Report& report);

    CacheTiers& _cache;
    DigestIndex& _index;
    const std::function<void(const Digest&)> _forgetHot;
};

} // namespace wasmproxy::host
