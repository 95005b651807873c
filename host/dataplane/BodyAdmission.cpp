// SPDX-License-Identifier: Apache-2.0
#include "dataplane/BodyAdmission.h"

#include <algorithm>
#include <numeric>

namespace wasmproxy::host {

namespace {

constexpr double Fall = 0.1; // of what a slower tick counts against the rate that is believed

// Seconds of the link's work that are begun at most. More gains nothing: it is busy, and each body takes the longer the
// more share it, so that an estimate that is a little too high fails them all together, and so does a kill.
constexpr double Ahead = 1;

constexpr double Soon = 0.5; // seconds; earlier a body's pace says little
constexpr double Later = 2;

} // namespace

bool BodyAdmission::isSlow(std::uint64_t rest, std::uint64_t taken, Clock::duration age) const noexcept {
    // Twice the time that is left, so that a link which is just full makes nobody slow.
    const double passed = std::chrono::duration<double>(age).count();
    if (passed < Soon) return false;
    const double left = std::max(1.0, std::chrono::duration<double>(_limits.within).count() - passed);
    const double times = passed < Later ? 4 : 2;
    return static_cast<double>(rest) > times * left * static_cast<double>(taken) / passed;
}

bool BodyAdmission::admit(std::uint64_t size, Clock::duration waited) noexcept {
    const std::lock_guard<std::mutex> lock(_mutex);
    const double left = std::chrono::duration<double>(_limits.within - waited).count();
    const auto all = static_cast<double>(_onTheirWay + size);
    // Some may always go, or what was measured wrongly would never be measured again; fewer who have little time left.
    const double always =
        static_cast<double>(_limits.always) * left / std::chrono::duration<double>(_limits.within).count();
    if (_limits.enabled && _onTheirWay > 0 && all > always && all > _rate * std::min(left, Ahead)) return false;
    _onTheirWay += size;
    return true;
}

void BodyAdmission::arrived(std::uint64_t bytes, bool counted) noexcept {
    const std::lock_guard<std::mutex> lock(_mutex);
    _arrived += bytes;
    if (counted) _onTheirWay -= std::min(bytes, _onTheirWay);
    _least = std::min(_least, _onTheirWay);
}

void BodyAdmission::left(std::uint64_t bytes) noexcept {
    const std::lock_guard<std::mutex> lock(_mutex);
    _onTheirWay -= std::min(bytes, _onTheirWay);
    _least = std::min(_least, _onTheirWay);
}

void BodyAdmission::measure(Clock::time_point now) noexcept {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto passed = now - _tick;
    if (passed < Interval / 2) return;
    const double seconds = std::chrono::duration<double>(passed).count();
    const bool first = _tick == Clock::time_point{} || seconds > 1; // nothing was on its way before
    _tick = now;
    const double bytes = static_cast<double>(_arrived);
    const bool enough = _least >= _limits.always / 8; // to keep a link busy all the while
    _arrived = 0;
    _least = _onTheirWay;
    if (first) return;

    _bytes[_next] = bytes;
    _seconds[_next] = seconds;
    _next = (_next + 1) % Ticks;
    const double over = std::accumulate(_seconds.begin(), _seconds.end(), 0.0);
    // What buffers on the way swallow at first is no rate: a rise counts over some ticks, at least half a second.
    const double risen = std::accumulate(_bytes.begin(), _bytes.end(), 0.0) /
                         std::max(over, std::chrono::duration<double>(Interval * Ticks).count());
    if (risen > _rate)
        _rate = risen;
    else if (enough)
        _rate += Fall * (bytes / seconds - _rate);
}

double BodyAdmission::rate() const noexcept {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _rate;
}

std::uint64_t BodyAdmission::onTheirWay() const noexcept {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _onTheirWay;
}

} // namespace wasmproxy::host
