// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Descriptor.h"
#include "wasmproxy/plugin/CacheStore.h"

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

    explicit CacheTiers(std::vector<Tier> tiers) : _tiers(std::move(tiers)) {}

    /// Opens and hashes the content; what does not match its digest is removed and counts as absent. nullptr: absent.
    std::unique_ptr<Blob> openVerified(Call& call, const Digest& digest);
    /// Opens what this process has just verified and committed.
    std::unique_ptr<Blob> openTrusted(Call& call, const Digest& digest);
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize);
    bool remove(Call& call, const Digest& digest);
    static bool matches(Blob& blob, const Digest& digest, const Call& call); ///< reads all of it
    const std::vector<Tier>& tiers() const noexcept { return _tiers; }

private:
    std::vector<Tier> _tiers;
};

} // namespace wasmproxy::host
