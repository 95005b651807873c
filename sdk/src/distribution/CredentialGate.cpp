// SPDX-License-Identifier: Apache-2.0
#include "CredentialGate.h"

#include <algorithm>

namespace wasmproxy {

namespace {

// The host hears of a refusal after the gate; an exchange that it begins in between must not try once more.
constexpr std::chrono::seconds Settling{1};
constexpr std::chrono::milliseconds CancellationPoll{200};

} // namespace

CredentialGate::Pass::~Pass() {
    if (!_exclusive) return;
    {
        const std::lock_guard<std::mutex> lock(_gate._mutex);
        _gate.rowOf(_key).busy = false;
    }
    _gate._changed.notify_all();
}

void CredentialGate::Pass::accepted() {
    {
        const std::lock_guard<std::mutex> lock(_gate._mutex);
        Row& row = _gate.rowOf(_key);
        row.good = true;
        row.acceptedAt = Clock::now();
        row.refusal.reset();
        if (!_exclusive) return;
        row.busy = false;
    }
    _exclusive = false;
    _gate._changed.notify_all();
}

void CredentialGate::Pass::refused(const Error& error) {
    {
        const std::lock_guard<std::mutex> lock(_gate._mutex);
        Row& row = _gate.rowOf(_key);
        row.good = false;
        row.refusal = error;
        row.refusedAt = Clock::now();
        if (_exclusive) row.busy = false;
    }
    _exclusive = false;
    _gate._changed.notify_all();
}

std::unique_ptr<CredentialGate::Pass> CredentialGate::enter(Call& call, const std::string& key,
                                                            Clock::time_point began) {
    return admit(call, key, began, false);
}

std::unique_ptr<CredentialGate::Pass> CredentialGate::doubt(Call& call, const std::string& key,
                                                            Clock::time_point began) {
    return admit(call, key, began, true);
}

std::unique_ptr<CredentialGate::Pass> CredentialGate::admit(Call& call, const std::string& key, Clock::time_point began,
                                                            bool doubtful) {
    std::unique_lock<std::mutex> lock(_mutex);
    while (true) {
        Row& row = rowOf(key); // each time: meanwhile it may have been dropped
        if (row.refusal && began < row.refusedAt + Settling) throw Error(*row.refusal);
        if (row.good && (!doubtful || row.acceptedAt >= began)) return std::make_unique<Pass>(*this, key, false);
        if (!row.busy) {
            auto pass = std::make_unique<Pass>(*this, key, true);
            row.busy = true;
            return pass;
        }
        call.check("waiting for another request's try of the same credential");
        _changed.wait_until(lock, std::min(call.deadline(), Clock::now() + CancellationPoll));
    }
}

CredentialGate::Row& CredentialGate::rowOf(const std::string& key) {
    const auto found = _rows.find(key);
    if (found == _rows.end() && _rows.size() >= _capacity) {
        auto oldest = _rows.end();
        for (auto it = _rows.begin(); it != _rows.end(); ++it)
            if (!it->second.busy && (oldest == _rows.end() || it->second.age < oldest->second.age)) oldest = it;
        if (oldest != _rows.end()) _rows.erase(oldest); // the busy ones are no more than the host's workers
    }
    Row& row = found == _rows.end() ? _rows[key] : found->second;
    row.age = ++_clock;
    return row;
}

} // namespace wasmproxy
