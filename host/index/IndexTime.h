// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Types.h>

#include <chrono>

namespace wasmproxy::host {

// Times in the database: microseconds since 1970, UTC.
inline Poco::Int64 toMicroseconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

/// A number no clock can hold becomes the nearest that it can.
inline std::chrono::system_clock::time_point fromMicroseconds(Poco::Int64 value) {
    using Clock = std::chrono::system_clock;
    using Micros = std::chrono::microseconds;
    const auto most = std::chrono::duration_cast<Micros>(Clock::duration::max()).count();
    const auto clamped = value > most ? most : value < -most ? -most : value;
    return Clock::time_point(std::chrono::duration_cast<Clock::duration>(Micros(clamped)));
}

/// Days since 1970-01-01, UTC.
inline Poco::Int64 dayOf(std::chrono::system_clock::time_point time) {
    constexpr Poco::Int64 Day = Poco::Int64(24) * 3600 * 1000000;
    const auto micros = toMicroseconds(time);
    return micros >= 0 ? micros / Day : -1;
}

} // namespace wasmproxy::host
