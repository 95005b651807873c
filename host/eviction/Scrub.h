// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"

#include <functional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Reads all that is cached, and removes what is not what its digest says: it is fetched again when it is asked for.
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
        std::vector<Bad> bad; ///< the first of those that were removed
    };
    using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

    /// All outlive it. `forgetHot` is called before a content is removed.
    Scrub(CacheTiers& cache, DigestIndex& index, std::function<void(const Digest&)> forgetHot)
        : _cache(cache), _index(index), _forgetHot(std::move(forgetHot)) {}

    Report run(Call& call, const Progress& progress);

    static constexpr std::size_t MostNamed = 100;

private:
    CacheTiers& _cache;
    DigestIndex& _index;
    const std::function<void(const Digest&)> _forgetHot;
};

} // namespace wasmproxy::host
