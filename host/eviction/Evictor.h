// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace wasmproxy::host {

/// Keeps the cache within its capacity: looks every so often on a thread of its own and removes what was used least
/// recently, but nothing younger than the grace time (a pull in progress needs what it has just committed). Answers
/// that send a removed module keep it open. At start it makes the DigestIndex's list of contents agree with the store.
class Evictor {
public:
    struct Options {
        std::uint64_t capacity = 0; ///< bytes, of the tier that is written to
        std::chrono::milliseconds every{5000};
        std::chrono::milliseconds grace{60000};
        std::function<void(const Digest&)> forgetHot; ///< called before a content is removed
    };

    Evictor(CacheTiers& cache, DigestIndex& index, Options options);
    ~Evictor(); ///< joins

    /// One pass; how many contents were removed. Also what the thread runs.
    std::size_t sweep();
    void reconcile();

private:
    void work();

    CacheTiers& _cache;
    DigestIndex& _index;
    const Options _options;
    std::mutex _mutex;
    std::condition_variable _wake;
    bool _stopping = false;
    std::thread _thread; // last: it uses the rest
};

} // namespace wasmproxy::host
