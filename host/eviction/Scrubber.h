// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "eviction/Scrub.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace wasmproxy::host {

/// Scrubs each local tier every so often, on a thread of its own and no faster than it may: first a minute after the
/// start, or sooner where it is to run more often than that.
class Scrubber {
public:
    struct Timing {
        std::chrono::milliseconds every{0}; ///< from begin to begin; 0: never
        std::uint64_t rate = 10u << 20;     ///< bytes per second
    };
    using Timings = std::map<std::string, Timing>; ///< by the tier's name; of one that is not in it: never

    /// `cache` outlives it.
    Scrubber(CacheTiers& cache, Scrub scrub);
    ~Scrubber(); ///< joins

    void use(Timings timings); ///< from now on; any thread

private:
    using Clock = std::chrono::steady_clock;
    void work();
    const CacheTiers::Tier* nextTier(Clock::time_point& due) const;
    void scrub(const CacheTiers::Tier& tier);
    void wait(const std::string& tier, std::size_t bytes);

    CacheTiers& _cache;
    Scrub _scrub;
    const Clock::time_point _started = Clock::now();
    std::atomic<bool> _stopping{false};
    std::mutex _mutex; // the next two
    std::condition_variable _wake;
    Timings _timings;
    // By the thread only.
    std::map<std::string, Clock::time_point> _begun;
    Clock::time_point _next; ///< when the next piece may be read
    std::thread _thread;     // last: it uses the rest
};

} // namespace wasmproxy::host
