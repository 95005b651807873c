// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/client_metric.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace wasmproxy::host {

/// Durations in buckets, observed with two relaxed atomic additions: prometheus::Histogram takes a mutex for each
/// observation, which every event loop would meet on every request.
class LatencyHistogram {
public:
    static constexpr std::array<double, 15> Bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                   0.25,   0.5,   1,      2.5,   5,    10,    15};

    void observe(double seconds) noexcept;
    prometheus::ClientMetric::Histogram collect() const;

private:
    std::array<std::atomic<std::uint64_t>, Bounds.size() + 1> _counts{};
    std::atomic<std::uint64_t> _nanoseconds{0};
};

} // namespace wasmproxy::host
