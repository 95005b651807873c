// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace wasmproxy::host {

/// Keeps the cache within its capacity, or within its disk where that is less: looks every so often on a thread of its
/// own and removes what was used least recently, what a tag means last (see EvictionOrder). What is pinned, leased by
/// an answer or a Flight, or younger than the grace time (a pull in progress needs what it has just committed) stays;
/// what was purged counts as used until nobody sends it any more. At start and then every hour it makes the
/// DigestIndex's list of contents agree with the store.
class Evictor {
public:
    struct Options {
        std::uint64_t capacity = 0; ///< bytes, of the main tier
        std::chrono::milliseconds every{5000};
        std::chrono::milliseconds grace{60000};
        std::chrono::milliseconds reconcileEvery{std::chrono::hours(1)};
        std::function<void(const Digest&)> forgetHot; ///< called before a content is removed
        std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
    };

    Evictor(CacheTiers& cache, DigestIndex& index, Options options);
    ~Evictor(); ///< joins

    struct Swept {
        std::size_t contents = 0;
        std::uint64_t bytes = 0;
    };
    /// One pass that brings the cache to its capacity, or so far below what it holds that `bytes` are freed; what was
    /// removed. Also what the thread runs. Stops when `call` is cancelled.
    Swept sweep(Call& call, std::uint64_t bytes = 0);
    std::size_t sweep();
    Swept total() const noexcept { return {_contents, _bytes}; } ///< since the start
    void setCapacity(std::uint64_t bytes) noexcept { _capacity = bytes; }
    std::uint64_t capacity() const noexcept { return _capacity; }
    void reconcile();

private:
    void work();
    std::uint64_t used() const;
    bool evict(Call& call, const ContentRecord& content);
    void forget(const Digest& digest);

    CacheTiers& _cache;
    DigestIndex& _index;
    const Options _options;
    std::atomic<std::uint64_t> _capacity;
    std::atomic<std::size_t> _contents{0};
    std::atomic<std::uint64_t> _bytes{0};
    std::mutex _sweeping; // one pass at a time; guards the next
    bool _over = false;   // said so
    std::mutex _mutex;
    std::condition_variable _wake;
    bool _stopping = false;
    std::thread _thread; // last: it uses the rest
};

} // namespace wasmproxy::host
