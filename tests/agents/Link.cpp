// SPDX-License-Identifier: Apache-2.0
#include "Link.h"

#include <algorithm>

namespace wasmproxy::test {
namespace {

constexpr std::chrono::milliseconds Tick{2};
constexpr std::size_t Quantum = 32 * 1024;
constexpr double BurstSeconds = 0.01;

} // namespace

void Link::queue(Reader& reader) {
    _waiting.push_back(&reader);
    if (_ticking) return;
    _ticking = true;
    if (_last == Loop::Clock::time_point()) _last = Loop::Clock::now();
    _loop.at(Loop::Clock::now() + Tick, [this] { serve(); });
}

void Link::forget(Reader& reader) {
    _waiting.erase(std::remove(_waiting.begin(), _waiting.end(), &reader), _waiting.end());
}

void Link::serve() {
    const auto now = Loop::Clock::now();
    const double elapsed = std::chrono::duration<double>(now - _last).count();
    _last = now;
    _allowance = std::min(_allowance + _rate * elapsed, _rate * std::max(BurstSeconds, elapsed));
    while (_allowance >= 1 && !_waiting.empty()) {
        Reader* reader = _waiting.front();
        _waiting.pop_front();
        const auto limit = std::min(Quantum, static_cast<std::size_t>(_allowance));
        _allowance -= static_cast<double>(reader->take(limit));
    }
    _ticking = !_waiting.empty();
    if (_ticking) _loop.at(now + Tick, [this] { serve(); });
}

} // namespace wasmproxy::test
