// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace wasmproxy::testing {

/// A wall clock that moves when told. Thread-safe.
class FixedClock {
public:
    using Time = std::chrono::system_clock::time_point;

    /// 2026-01-01T00:00:00Z.
    FixedClock() : _seconds(1767225600) {}

    Time now() const { return Time(std::chrono::seconds(_seconds.load())); }
    void set(Time time) { _seconds = std::chrono::system_clock::to_time_t(time); }
    void advance(std::chrono::seconds by) { _seconds += by.count(); }

private:
    std::atomic<std::int64_t> _seconds; ///< since 1970
};

} // namespace wasmproxy::testing
