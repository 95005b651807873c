// SPDX-License-Identifier: Apache-2.0
#include "eviction/EvictionOrder.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

using Digests = std::unordered_set<Digest>;

// A time further ahead than this is of a clock that was set back since.
constexpr std::chrono::minutes Ahead{5};

void addAll(Digests& digests, const ModuleRecord& record) {
    for (const auto& digest : {record.manifest, record.selectedManifest, record.layer, record.module})
        digests.insert(digest);
}

} // namespace

EvictionOrder::EvictionOrder(const DigestIndex& index, Time young, Time now) {
    const auto kept = pinned(index);
    Digests live;
    for (const auto& [key, tag] : index.tags()) {
        live.insert(tag.digest);
        if (const auto record = index.module(tag.digest)) addAll(live, *record);
    }
    Digests modules;
    for (const auto& record : index.modules())
        modules.insert(record.module);

    std::vector<ContentRecord> ranks[4];
    for (auto& content : index.contentsByAge()) {
        if (isYoung(content, young, now) || kept.count(content.digest) != 0) continue;
        const auto rank = live.count(content.digest) * 2 + modules.count(content.digest);
        ranks[rank].push_back(std::move(content));
    }
    for (auto& rank : ranks)
        std::move(rank.begin(), rank.end(), std::back_inserter(_contents));
}

std::unordered_set<Digest> EvictionOrder::pinned(const DigestIndex& index) {
    Digests kept;
    for (const auto& pin : index.pins()) {
        kept.insert(pin.digest);
        if (const auto record = index.module(pin.digest)) addAll(kept, *record);
        for (const auto& record : index.modulesBySha256(pin.digest))
            addAll(kept, record);
    }
    return kept;
}

bool EvictionOrder::isYoung(const ContentRecord& content, Time young, Time now) {
    return content.lastUsed > young && content.lastUsed <= now + Ahead;
}

} // namespace wasmproxy::host
