// SPDX-License-Identifier: Apache-2.0
#include "eviction/Scrubber.h"

#include "observe/Log.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr std::chrono::minutes FirstAfter{1};

} // namespace

Scrubber::Scrubber(CacheTiers& cache, Scrub scrub)
    : _cache(cache), _scrub(std::move(scrub)), _thread([this] { work(); }) {}

Scrubber::~Scrubber() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    _wake.notify_one();
    _thread.join();
}

void Scrubber::use(Timings timings) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _timings = std::move(timings);
    }
    _wake.notify_one();
}

const CacheTiers::Tier* Scrubber::nextTier(Clock::time_point& due) const {
    const CacheTiers::Tier* next = nullptr;
    for (const auto& tier : _cache.tiers()) {
        const auto timing = _timings.find(tier.name);
        if (tier.shared || timing == _timings.end() || timing->second.every.count() == 0) continue;
        const auto begun = _begun.find(tier.name);
        const auto every = timing->second.every;
        const auto at = begun != _begun.end() ? begun->second + every
                                              : _started + std::min<std::chrono::milliseconds>(every, FirstAfter);
        if (next && at >= due) continue;
        next = &tier;
        due = at;
    }
    return next;
}

void Scrubber::work() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (!_stopping) {
        Clock::time_point due;
        const auto* tier = nextTier(due);
        if (!tier) {
            _wake.wait(lock);
        } else if (Clock::now() < due) {
            _wake.wait_until(lock, due);
        } else {
            _begun[tier->name] = Clock::now();
            lock.unlock();
            scrub(*tier);
            lock.lock();
        }
    }
}

void Scrubber::scrub(const CacheTiers::Tier& tier) {
    try {
        Call call("scrub", Clock::now() + std::chrono::hours(24 * 365), &_stopping);
        _next = Clock::now();
        const auto report = _scrub.run(call, tier, [&](std::size_t bytes) { wait(tier.name, bytes); });
        log(report.removed + report.unreadable > 0 ? LogLevel::Warning : LogLevel::Debug, "scrubbed",
            {{"cache", tier.name},
             {"contents", std::to_string(report.contents)},
             {"bytes", std::to_string(report.bytes)},
             {"removed", std::to_string(report.removed)},
             {"unreadable", std::to_string(report.unreadable)}});
    } catch (const std::exception& error) {
        if (_stopping) return;
        log(LogLevel::Error, "a scrub ended early; the next one begins anew",
            {{"cache", tier.name}, {"cause", error.what()}});
    }
}

void Scrubber::wait(const std::string& tier, std::size_t bytes) {
    std::unique_lock<std::mutex> lock(_mutex);
    const auto timing = _timings.find(tier);
    const auto rate = timing == _timings.end() ? 0 : timing->second.rate;
    if (rate == 0) return;
    const std::chrono::duration<double> time(static_cast<double>(bytes) / static_cast<double>(rate));
    // What was not used in time is not made up for.
    _next = std::max(_next, Clock::now()) + std::chrono::duration_cast<Clock::duration>(time);
    _wake.wait_until(lock, _next, [&] { return _stopping.load(); });
}

} // namespace wasmproxy::host
