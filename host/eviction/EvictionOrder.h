// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"

#include <unordered_set>
#include <vector>

namespace wasmproxy::host {

/// What may go from the cache, and in which order. Least recently used goes first within each of:
///
/// 1. manifests and layers that no tag means: their module is known, or they are fetched again with it;
/// 2. modules that no tag means, which a client may still name by digest;
/// 3. manifests and layers of what a tag means now;
/// 4. the modules of what a tag means now.
///
/// Not in it at all: what a pin keeps, and what was used after `young`.
class EvictionOrder {
public:
    using Time = std::chrono::system_clock::time_point;

    EvictionOrder(const DigestIndex& index, Time young, Time now);

    const std::vector<ContentRecord>& contents() const noexcept { return _contents; }
    /// The contents that the index's pins keep.
    static std::unordered_set<Digest> pinned(const DigestIndex& index);
    static bool isYoung(const ContentRecord& content, Time young, Time now);

private:
    std::vector<ContentRecord> _contents;
};

} // namespace wasmproxy::host
