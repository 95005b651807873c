// SPDX-License-Identifier: Apache-2.0
#include "observe/LatencyHistogram.h"

#include <algorithm>
#include <limits>

namespace wasmproxy::host {

void LatencyHistogram::observe(double seconds) noexcept {
    if (!(seconds > 0)) seconds = 0; // also NaN; a clock that went backwards must not wrap the sum
    const auto bucket = std::lower_bound(Bounds.begin(), Bounds.end(), seconds) - Bounds.begin();
    _counts[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    _nanoseconds.fetch_add(static_cast<std::uint64_t>(std::min(seconds, 1e6) * 1e9), std::memory_order_relaxed);
}

prometheus::ClientMetric::Histogram LatencyHistogram::collect() const {
    prometheus::ClientMetric::Histogram result;
    for (std::size_t i = 0; i < _counts.size(); ++i) {
        result.sample_count += _counts[i].load(std::memory_order_relaxed);
        const double bound = i < Bounds.size() ? Bounds[i] : std::numeric_limits<double>::infinity();
        result.bucket.push_back({result.sample_count, bound});
    }
    result.sample_sum = static_cast<double>(_nanoseconds.load(std::memory_order_relaxed)) / 1e9;
    return result;
}

} // namespace wasmproxy::host
