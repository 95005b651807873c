// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace wasmproxy::host {

/// Tells a body that is too slow from a reader that is: only time spent waiting for bytes counts. Waiting is cut into
/// slices; one slice that is fast enough clears the account.
class SpeedGuard {
public:
    using Duration = std::chrono::steady_clock::duration;

    /// Zero for either: never too slow.
    SpeedGuard(std::uint64_t bytesPerSecond, std::chrono::milliseconds patience)
        : _bytesPerSecond(bytesPerSecond),
          _patience(patience),
          _slice(std::clamp<std::chrono::milliseconds>(patience / 10, std::chrono::milliseconds(10),
                                                       std::chrono::seconds(1))) {}

    bool tooSlow(Duration waited, std::uint64_t bytes) {
        if (_bytesPerSecond == 0 || _patience.count() == 0) return false;
        _waited += waited;
        _bytes += bytes;
        if (_waited < _slice) return false;
        const double seconds = std::chrono::duration<double>(_waited).count();
        if (static_cast<double>(_bytes) >= static_cast<double>(_bytesPerSecond) * seconds) {
            _slow = Duration::zero();
        } else {
            _slow += _waited;
        }
        _waited = Duration::zero();
        _bytes = 0;
        return _slow >= _patience;
    }

    /// Waiting longer at once would see a stall late.
    std::chrono::milliseconds slice() const noexcept { return _slice; }

private:
    std::uint64_t _bytesPerSecond;
    std::chrono::milliseconds _patience;
    std::chrono::milliseconds _slice;
    Duration _waited{};
    Duration _slow{};
    std::uint64_t _bytes = 0;
};

} // namespace wasmproxy::host
