// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace wasmproxy::host {

/// Runs short functions at given times on one thread of its own: delays are timers here, never sleeping workers.
/// Thread-safe. There is no cancel: a function finds out by itself whether it still has something to do.
class TimerQueue {
public:
    using Clock = std::chrono::steady_clock;

    TimerQueue();
    ~TimerQueue(); ///< stop()

    /// `run` must be quick and not throw. After stop() it is dropped.
    void at(Clock::time_point when, std::function<void()> run);
    void stop();

private:
    void work();

    std::mutex _mutex;
    std::condition_variable _wake;
    std::multimap<Clock::time_point, std::function<void()>> _entries;
    bool _stopping = false;
    std::thread _thread; // last: it uses the rest
};

} // namespace wasmproxy::host
