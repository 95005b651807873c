// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/plugin/Breaker.h"

#include <algorithm>

namespace wasmproxy {

namespace {

using Guard = std::lock_guard<std::mutex>;

}

Breaker::Admission Breaker::admit() {
    const Guard guard(_mutex);
    if (!_open) return Admission::Usual;
    if (_probing || _now() < _until) return Admission::Refused;
    _probing = true;
    return Admission::Probe;
}

void Breaker::succeeded(Admission admission) {
    const Guard guard(_mutex);
    _failures = 0;
    if (admission == Admission::Probe) _probing = false;
    if (!_open) return;
    _open = false;
    const auto time = std::chrono::duration_cast<std::chrono::seconds>(_now() - _since).count();
    if (_say) _say(true, "answers again, after " + std::to_string(time) + " s");
}

void Breaker::failed(Admission admission, const std::string& why) {
    const Guard guard(_mutex);
    if (admission == Admission::Probe) {
        _probing = false;
        _length = std::min(2 * _length, LongestPause);
        _reason = why;
        pause();
    } else if (!_open && ++_failures >= Threshold) {
        _open = true;
        _since = _now();
        _length = FirstPause;
        _reason = why;
        pause();
        if (_say)
            _say(false, why + "; after " + std::to_string(Threshold) +
                            " failures it is left alone for 0.5 s, then longer, up to 30 s");
    }
}

void Breaker::undecided(Admission admission) {
    const Guard guard(_mutex);
    if (admission == Admission::Probe) _probing = false;
}

std::string Breaker::reason() const {
    const Guard guard(_mutex);
    return _open ? _reason : std::string();
}

void Breaker::silence() {
    const Guard guard(_mutex);
    _say = nullptr;
}

void Breaker::pause() {
    std::uniform_real_distribution<double> jitter(0.8, 1.2);
    const double length = static_cast<double>(_length.count()) * jitter(_random);
    _until = _now() + std::chrono::milliseconds(static_cast<std::int64_t>(length));
}

} // namespace wasmproxy
