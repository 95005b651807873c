// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Descriptor.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The configured cache stores, fastest first: reads ask them in order, writes go to the last, which is the one meant
/// to keep. Thread-safe.
class CacheTiers {
public:
    struct Tier {
        std::string name;
        CacheStore* store; ///< owned by Host, outlives this
    };

    /// How a tier fared since the start.
    struct Use {
        std::string name;
        std::uint64_t hits;
        std::uint64_t misses;
        std::uint64_t scrubbed;
        std::uint64_t bad; ///< contents that were not what their digest says
    };

    explicit CacheTiers(std::vector<Tier> tiers) : _tiers(std::move(tiers)), _counts(_tiers.size()) {}

    /// Opens and hashes the content; what does not match its digest is removed and counts as absent. nullptr: absent.
    std::unique_ptr<Blob> openVerified(Call& call, const Digest& digest);
    /// Opens what this process has just verified and committed.
    std::unique_ptr<Blob> openTrusted(Call& call, const Digest& digest);
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize);
    bool remove(Call& call, const Digest& digest);
    static bool matches(Blob& blob, const Digest& digest, const Call& call); ///< reads all of it
    const std::vector<Tier>& tiers() const noexcept { return _tiers; }
    void scrubbed(const Tier& tier, bool good) noexcept; ///< one content; `tier` is of tiers()
    std::vector<Use> uses() const;

private:
    using Count = std::atomic<std::uint64_t>;
    struct Counts {
        Count hits{0};
        Count misses{0};
        Count scrubbed{0};
        Count bad{0};
    };

    std::vector<Tier> _tiers;
    std::vector<Counts> _counts; // parallel to _tiers
};

} // namespace wasmproxy::host
