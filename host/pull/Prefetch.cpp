// SPDX-License-Identifier: Apache-2.0
#include "pull/Prefetch.h"

#include "observe/Log.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

using std::chrono::seconds;

constexpr std::size_t AtOnce = 8; // agents' pulls have workers left
constexpr seconds LongestPause{60};
// What was final may still be corrected at the registry.
constexpr std::chrono::minutes FinalPause{5};
const Caller Own{"prefetch", "-"};

seconds pauseAfter(int failures) {
    return std::min(LongestPause, seconds(1 << std::min(failures, 6)));
}

} // namespace

std::size_t Prefetch::State::pulled() const {
    return static_cast<std::size_t>(
        std::count_if(items.begin(), items.end(), [](const Item& i) { return i.pulled(); }));
}

std::size_t Prefetch::State::failed() const {
    return static_cast<std::size_t>(
        std::count_if(items.begin(), items.end(), [](const Item& i) { return i.error.has_value(); }));
}

void Prefetch::use(const Plan& plan) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        Entries entries;
        for (const auto& text : plan.references) {
            Entry entry;
            entry.parsed = Reference::parse(text.compare(0, 6, "oci://") == 0 ? text.substr(6) : text);
            entry.item.reference = entry.parsed.str();
            const auto known = _entries.find(entry.item.reference);
            entries.emplace(entry.item.reference, known == _entries.end() ? entry : known->second);
        }
        _entries = std::move(entries);
        _every = plan.every;
        // A proxy that serves is not taken out of service for what a reload adds.
        if (!_used && plan.waitAtMost.count() > 0) _waitUntil = Clock::now() + plan.waitAtMost;
        _used = true;
        if (!_entries.empty())
            log(LogLevel::Information, "prefetching", {{"references", std::to_string(_entries.size())}});
        endWait();
    }
    tick();
}

/// One thread asks at a time: an answer may come before its question returns.
void Prefetch::tick() {
    std::unique_lock<std::mutex> lock(_mutex);
    endWait();
    if (_asking) return;
    _asking = true;
    for (auto next = nextDue(); next != _entries.end(); next = nextDue()) {
        next->second.asked = true;
        ++_asked;
        const auto reference = next->second.parsed;
        lock.unlock();
        _modules.byReference(reference, {}, Own,
                             [this, key = reference.str()](const ModuleResult& result) { answered(key, result); });
        lock.lock();
    }
    _asking = false;
}

Prefetch::Entries::iterator Prefetch::nextDue() {
    if (_asked >= AtOnce) return _entries.end();
    const auto now = Clock::now();
    return std::find_if(_entries.begin(), _entries.end(),
                        [&](const auto& each) { return !each.second.asked && each.second.due <= now; });
}

void Prefetch::answered(const std::string& key, const ModuleResult& result) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        --_asked;
        const auto found = _entries.find(key);
        if (found != _entries.end()) {
            auto& entry = found->second;
            auto& item = entry.item;
            const auto now = Clock::now();
            const auto scheduled = _every.count() > 0 ? now + _every : Clock::time_point::max();
            entry.asked = false;
            if (const auto* error = std::get_if<Error>(&result)) {
                ++entry.failures;
                entry.due = error->retryable() ? now + pauseAfter(entry.failures)
                                               : std::min(scheduled, Clock::time_point(now + FinalPause));
                if (!item.error || item.error->code() != error->code())
                    log(LogLevel::Warning, "prefetch failed; it is tried again",
                        {{"request", Own.requestId},
                         {"reference", key},
                         {"code", traitsOf(error->code()).name},
                         {"cause", error->what()},
                         {"hint", error->hint()}});
                item.error = *error;
            } else {
                const auto& served = std::get<ServedModule>(result);
                entry.failures = 0;
                entry.due = scheduled;
                item.error.reset();
                item.module = served.module;
                item.manifest = served.manifest;
                item.size = served.content->size();
                item.pulledAt = std::chrono::system_clock::now();
            }
        }
    }
    tick();
}

void Prefetch::endWait() {
    if (!_waitUntil) return;
    const auto all = _entries.size();
    const auto pulled = static_cast<std::size_t>(
        std::count_if(_entries.begin(), _entries.end(), [](const auto& each) { return each.second.item.pulled(); }));
    const bool settled =
        std::all_of(_entries.begin(), _entries.end(), [](const auto& each) { return each.second.item.settled(); });
    if (!settled && Clock::now() < *_waitUntil) return;
    _waitUntil.reset();
    if (all == 0) return;
    log(pulled == all ? LogLevel::Information : LogLevel::Warning,
        settled ? "prefetched" : "ready without all that is prefetched: prefetch.wait-at-most has passed",
        {{"pulled", std::to_string(pulled)}, {"references", std::to_string(all)}});
}

Prefetch::State Prefetch::state() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    State state;
    state.every = _every;
    state.waiting = _waitUntil && Clock::now() < *_waitUntil;
    state.items.reserve(_entries.size());
    for (const auto& [key, entry] : _entries)
        state.items.push_back(entry.item);
    return state;
}

std::string Prefetch::waiting() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (!_waitUntil || Clock::now() >= *_waitUntil) return {};
    const auto settled =
        std::count_if(_entries.begin(), _entries.end(), [](const auto& each) { return each.second.item.settled(); });
    return "prefetching " + std::to_string(settled) + " of " + std::to_string(_entries.size());
}

} // namespace wasmproxy::host
