// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace wasmproxy::test {

/// Sockets and timers on one thread.
class Loop {
public:
    using Clock = std::chrono::steady_clock;
    using Timer = std::uint64_t;
    class Watcher {
    public:
        virtual ~Watcher() = default;
        virtual void ready(std::uint32_t events) = 0;
    };

    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Level-triggered. Returns what modify() and forget() want; forget before the descriptor is closed.
    std::uint64_t watch(int descriptor, std::uint32_t events, Watcher& watcher);
    void modify(std::uint64_t id, std::uint32_t events);
    void forget(std::uint64_t id);

    Timer at(Clock::time_point time, std::function<void()> then);
    void cancel(Timer timer);

    void run();                            ///< until stop()
    void post(std::function<void()> task); ///< from any thread
    void stop();

    /// For reading into, by whoever runs on the loop.
    std::vector<char>& scratch() noexcept { return _scratch; }

private:
    struct Watched {
        int descriptor;
        Watcher* watcher;
    };
    void runPosted();
    int runTimers(); ///< milliseconds until the next one, -1: none

    int _epoll;
    int _wake;
    std::uint64_t _last = 0;
    std::unordered_map<std::uint64_t, Watched> _watched;
    std::map<std::pair<Clock::time_point, Timer>, std::function<void()>> _timers;
    std::unordered_map<Timer, Clock::time_point> _timerTimes;
    std::mutex _mutex;
    std::vector<std::function<void()>> _posted;
    bool _stopping = false;
    std::vector<char> _scratch;
};

} // namespace wasmproxy::test
