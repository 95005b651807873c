// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace wasmproxy::host {

/// Since when registries have said that tags are gone which they had before. A 404 is final for an agent, and a tag may
/// be gone by mistake, or because it is being pushed anew: so it is believed only once it has been gone for a while.
/// Bounded: where there are too many, any goes. Thread-safe.
class Absences {
public:
    using Clock = std::chrono::steady_clock;

    explicit Absences(Clock::duration believedAfter, std::size_t most = 10000)
        : _believedAfter(believedAfter), _most(most) {}

    /// It was looked for, and is gone. True: it was for the first time that long ago, and never there since.
    bool believed(const std::string& key, Clock::time_point now = Clock::now());
    void forget(const std::string& key); ///< it is there

private:
    const Clock::duration _believedAfter;
    const std::size_t _most;
    std::mutex _mutex;
    std::unordered_map<std::string, Clock::time_point> _since;
};

} // namespace wasmproxy::host
