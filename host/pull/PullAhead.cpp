// SPDX-License-Identifier: Apache-2.0
// How a PullService asks again what a tag means before anybody has to wait for it.
#include "pull/PullService.h"

#include "observe/Log.h"

#include <algorithm>
#include <utility>

namespace wasmproxy::host {
namespace {

using std::chrono::milliseconds;

// Stands for a caller where the proxy itself asks.
const Caller Ahead{"revalidation", "-"};

} // namespace

/// `postponed`: what is known is stale, and answers until then, for that error.
void PullService::askAhead(const std::shared_ptr<PullSetup>& setup, const PullTarget& target, const Known& state,
                           const ErrorMemory::Entry* postponed) {
    if (target.reference.digest()) return;
    auto mark = RefreshSchedule::markOf(target.reference, state.validatedAt, setup->generation);
    milliseconds delay;
    if (postponed) {
        mark = RefreshSchedule::again(mark, postponed->until.time_since_epoch().count());
        delay = std::chrono::ceil<milliseconds>(postponed->until - Clock::now());
    } else {
        const auto age = std::chrono::system_clock::now() - state.validatedAt;
        delay = RefreshSchedule::share(mark, target.rules().tagTtl) - std::chrono::duration_cast<milliseconds>(age);
    }
    if (!_refreshes.claim(mark, delay)) return;
    // Weak: an earlier configuration must be able to end meanwhile.
    const std::weak_ptr<PullSetup> weak = setup;
    _timers.at(Clock::now() + delay, [this, weak, target, mark, validated = state.validatedAt] {
        _refreshes.done(mark);
        const auto current = weak.lock();
        if (current && current == std::atomic_load(&_setup)) revalidate(current, target, validated);
    });
}

void PullService::revalidate(const std::shared_ptr<PullSetup>& setup, const PullTarget& target,
                             std::chrono::system_clock::time_point validated) {
    const auto tag = _index.tag(target.reference);
    if (!tag || tag->validatedAt != validated) return; // somebody has asked since
    if (target.extension && !inForce(*target.extension, setup->targets.extensions())) return;
    const auto key = keyOf(*setup, target);
    if (_postponed.find(key)) return;
    FlightPointer created;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping) return;
        auto& flight = _flights[key];
        if (flight) return;
        flight = std::make_shared<Flight>(key, setup, target, Ahead, validated);
        created = flight;
    }
    _metrics.flightStarted();
    startAttempt(created);
}

/// On a worker, unless somebody who waits has hurried it on meanwhile.
void PullService::attemptAhead(const FlightPointer& flight) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (!flight->queuedAhead) return;
        flight->queuedAhead = false;
    }
    attempt(flight);
}

/// There was no room to ask ahead: it is asked when somebody wants it.
void PullService::dropAhead(const FlightPointer& flight) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (flight->running && !flight->queuedAhead) return; // hurried on
        flight->queuedAhead = false;
    }
    for (auto& waiter : end(flight))
        waiter.callback(Error(ErrorCode::Busy, "the queue of pulls is full"));
}

/// Those who came when what the registry said no longer counted: an answer that took long may be older than that.
std::list<Waiter> PullService::tooLateFor(std::list<Waiter>& waiters, Clock::time_point asked,
                                          const PullTarget& target) {
    std::list<Waiter> late;
    if (target.reference.digest()) return late;
    const auto counts = target.rules().tagTtl;
    for (auto it = waiters.begin(); it != waiters.end();) {
        const auto next = std::next(it);
        if (it->since - asked >= counts) late.splice(late.end(), waiters, it);
        it = next;
    }
    return late;
}

/// The next Flight of the same key, for those who wait still; `module` is what there is if it fails.
void PullService::askAgain(const FlightPointer& flight, ServedModule module, std::list<Waiter> late) {
    module.cache = CacheResult::Stale;
    const auto count = static_cast<int>(late.size());
    FlightPointer created;
    FlightPointer hurried;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (!_stopping) {
            auto& next = _flights[flight->key];
            if (!next) {
                next = std::make_shared<Flight>(flight->key, flight->setup, flight->target, late.front().caller);
                created = next;
            }
            if (!next->stale) next->stale = std::move(module);
            if (std::exchange(next->queuedAhead, false)) hurried = next;
            const auto now = Clock::now();
            for (const auto& waiter : late)
                later(next, std::max(std::chrono::ceil<milliseconds>(waiter.until - now), milliseconds(0)),
                      &PullService::expireWaiters);
            _waiting += late.size();
            next->lastWaiter = now;
            next->waiters.splice(next->waiters.end(), late);
        }
    }
    for (auto& waiter : late) // stopping
        waiter.callback(Error(ErrorCode::Busy, "shutting down"));
    if (!late.empty()) return;
    _metrics.waiters(count);
    if (created) {
        _metrics.flightStarted();
        startAttempt(created);
    } else if (hurried) {
        hurry(hurried);
    }
}

/// Somebody waits for it now.
void PullService::hurry(const FlightPointer& flight) {
    if (!_workers.post(flight->target.reference.repository().host(), [this, flight] { attempt(flight); }))
        failFinally(flight, Error(ErrorCode::Busy, "the queue of pulls is full"), false);
}

void PullService::noteMove(const Flight& flight, const Digest& from, const Digest& to) {
    const auto reference = flight.target.reference.str();
    if (!_moves.record(reference, from, to, flight.requestId)) return;
    log(LogLevel::Information, "tag moved",
        {{"request", flight.requestId},
         {"trace", flight.trace.traceId()},
         {"reference", reference},
         {"from", from.str()},
         {"to", to.str()}});
}

} // namespace wasmproxy::host
