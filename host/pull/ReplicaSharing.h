// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/PullTarget.h"
#include "pull/SharedRecords.h"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::host {

/// Lets replicas that have a shared cache pull once for all of them: what one has validated another takes over, and
/// where the store can lock, only one at a time asks upstream for the same. Nothing here throws or is needed: a shared
/// cache that fails is as if there were none. Blocks; called on workers. Thread-safe.
class ReplicaSharing {
public:
    /// `lockLifetime`: how long the others wait for one that has died. `patience`: how long for one that renews.
    ReplicaSharing(CacheTiers& cache, DigestIndex& index, std::chrono::milliseconds lockLifetime,
                   std::chrono::milliseconds patience)
        : _cache(cache), _index(index), _lockLifetime(lockLifetime), _patience(patience) {}

    /// Records in the index what another replica knows better than this one: what the tag means, if that was validated
    /// later, and the module. False: nothing new. The content comes when it is opened.
    bool learn(Call& call, const PullTarget& target) noexcept;

    enum class Turn {
        Ours,   ///< ask upstream
        Theirs, ///< another replica asks: look again soon
        Learned ///< one has just asked
    };
    struct Claim {
        Turn turn = Turn::Ours;
        std::shared_ptr<SharedStore::Lock> lock = nullptr; ///< until what was pulled is published
    };
    Claim claim(Call& call, const PullTarget& target) noexcept;
    /// To be called before lockLifetime() is over, so that the others see that this replica lives. False: it was lost.
    bool renew(Call& call, SharedStore::Lock& lock) noexcept;

    /// What has been pulled or confirmed becomes the other replicas'.
    void publish(Call& call, const PullTarget& target, const ModuleRecord& record, bool fetched) noexcept;
    /// The registry takes back what it said of the tag: nobody's record of it counts any more, and they are removed.
    void disown(Call& call, const Reference& reference) noexcept;
    /// From now on nobody's record of the tag from before counts.
    void distrust(const Reference& reference) noexcept;

    std::chrono::milliseconds lockLifetime() const noexcept { return _lockLifetime; }
    struct Figures {
        std::uint64_t learned = 0;
        std::uint64_t published = 0;
        std::uint64_t left = 0; ///< times that it was another's turn
    };
    Figures figures() const noexcept { return {_learned, _published, _left}; }

private:
    using Time = SharedRecords::Time;
    bool shares(const PullTarget& target) const { return _cache.hasShared() && !target.isFile(); }
    bool learnFrom(Call& call, const CacheTiers::Tier& tier, const PullTarget& target);
    bool learnModule(Call& call, const CacheTiers::Tier& tier, const Repository& repository, const Digest& manifest);
    void publishTo(Call& call, const CacheTiers::Tier& tier, const PullTarget& target, const ModuleRecord& record,
                   bool fetched);
    bool disowned(const Reference& reference, Time validatedAt) const;
    bool waitedEnough(const std::string& key);
    void waitNoMore(const std::string& key);

    CacheTiers& _cache;
    DigestIndex& _index;
    const SharedRecords _records{};
    const std::chrono::milliseconds _lockLifetime;
    const std::chrono::milliseconds _patience;
    std::atomic<std::uint64_t> _learned{0};
    std::atomic<std::uint64_t> _published{0};
    std::atomic<std::uint64_t> _left{0};
    mutable std::mutex _mutex;
    std::map<std::string, Time> _disowned; // by reference; bounded
    struct Wait {
        Call::Clock::time_point since, last;
    };
    std::map<std::string, Wait> _waits; // for another's lock, by its key, whichever Flight waits; bounded
};

} // namespace wasmproxy::host
