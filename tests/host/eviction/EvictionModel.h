// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"

#include <map>
#include <set>
#include <string>
#include <tuple>

namespace wasmproxy::host::test {

/// What the Evictor should do, in the plainest words: as long as too much is used, the best victim of all goes.
struct EvictionModel {
    using Time = std::chrono::system_clock::time_point;
    struct Content {
        std::uint64_t size = 0;
        Time lastUsed;
    };

    std::uint64_t capacity = 0;
    std::chrono::milliseconds grace{0};
    std::map<Digest, Content> contents;
    std::map<Digest, ModuleRecord> records; ///< by manifest
    std::map<std::string, Digest> tags;
    std::set<Digest> pins;
    std::map<Digest, int> leases;
    std::uint64_t lingering = 0; ///< removed and still leased

    static std::set<Digest> parts(const ModuleRecord& record) {
        return {record.manifest, record.selectedManifest, record.layer, record.module};
    }

    std::uint64_t used() const {
        std::uint64_t sum = lingering;
        for (const auto& each : contents)
            sum += each.second.size;
        return sum;
    }

    std::set<Digest> kept() const {
        std::set<Digest> kept = pins;
        for (const auto& [manifest, record] : records)
            if (pins.count(manifest) != 0 || pins.count(record.module) != 0)
                for (const auto& digest : parts(record))
                    kept.insert(digest);
        return kept;
    }

    std::set<Digest> live() const {
        std::set<Digest> live;
        for (const auto& [key, digest] : tags) {
            live.insert(digest);
            if (records.count(digest) != 0)
                for (const auto& part : parts(records.at(digest)))
                    live.insert(part);
        }
        return live;
    }

    bool mayGo(const Digest& digest, const std::set<Digest>& pinned, Time now) const {
        return pinned.count(digest) == 0 && leases.count(digest) == 0 && contents.at(digest).lastUsed <= now - grace;
    }

    /// What goes.
    std::set<Digest> sweep(Time now) {
        std::set<Digest> modules, gone;
        for (const auto& each : records)
            modules.insert(each.second.module);
        const auto pinned = kept();
        const auto meant = live();
        while (used() > capacity) {
            using Rank = std::tuple<bool, bool, Time, Digest>;
            Rank best;
            for (const auto& [digest, content] : contents) {
                if (!mayGo(digest, pinned, now)) continue;
                const Rank rank(meant.count(digest) != 0, modules.count(digest) != 0, content.lastUsed, digest);
                if (std::get<Digest>(best).empty() || rank < best) best = rank;
            }
            const auto& victim = std::get<Digest>(best);
            if (victim.empty()) break;
            gone.insert(victim);
            contents.erase(victim);
        }
        return gone;
    }
};

} // namespace wasmproxy::host::test
