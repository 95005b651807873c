// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/TokenCache.h"

#include <algorithm>
#include <tuple>

namespace wasmproxy {

using WallTime = std::chrono::system_clock::time_point;

namespace {

constexpr std::chrono::seconds RenewalPause{10}; // after a renewal that failed while the old token still lives

} // namespace

struct TokenCache::Entry {
    std::optional<Secret> token;
    WallTime renewAt;
    WallTime expiresAt;
    bool busy = false;            ///< somebody is asking for it
    std::uint64_t round = 0;      ///< counts what was asked, so that a waiter knows the outcome it waited for
    std::optional<Error> failure; ///< of the last round
};

bool operator<(const TokenCache::Key& a, const TokenCache::Key& b) {
    return std::tie(a.realm, a.service, a.scope, a.fingerprint) < std::tie(b.realm, b.service, b.scope, b.fingerprint);
}

bool operator==(const TokenCache::Key& a, const TokenCache::Key& b) {
    return std::tie(a.realm, a.service, a.scope, a.fingerprint) == std::tie(b.realm, b.service, b.scope, b.fingerprint);
}

TokenCache::TokenCache(const HostServices& host, std::size_t capacity)
    : _host(host), _capacity(std::max<std::size_t>(capacity, 1)) {}

TokenCache::Found TokenCache::get(Call& call, const Key& key, const std::function<Token(Call&)>& obtain) {
    std::unique_lock<std::mutex> lock(_mutex);
    bool waited = false;
    while (true) {
        const std::shared_ptr<Entry> entry = entryOf(key);
        const WallTime now = _host.now();
        const bool usable = entry->token && now < entry->expiresAt;
        if (usable && (entry->busy || now < entry->renewAt)) return {*entry->token, waited};
        if (!entry->busy) return lead(call, lock, entry, obtain);
        const std::uint64_t round = entry->round;
        waited = true;
        if (!_changed.wait_until(lock, call.deadline(), [&] { return entry->round != round; }))
            throw Error(ErrorCode::DeadlineExceeded, "deadline passed while waiting for a token");
        if (entry->failure) throw Error(*entry->failure);
    }
}

TokenCache::Found TokenCache::lead(Call& call, std::unique_lock<std::mutex>& lock, const std::shared_ptr<Entry>& entry,
                                   const std::function<Token(Call&)>& obtain) {
    entry->busy = true;
    std::optional<Token> token;
    std::optional<Error> failure;
    std::exception_ptr thrown;
    lock.unlock();
    try {
        token = obtain(call);
    } catch (const Error& error) {
        failure = error;
        thrown = std::current_exception();
    } catch (...) {
        thrown = std::current_exception();
    }
    lock.lock();
    entry->busy = false;
    ++entry->round;
    // A leader that ran out of its own time says nothing about the token service: the next in line tries.
    const bool ownTime = failure && failure->code() == ErrorCode::DeadlineExceeded;
    entry->failure = ownTime ? std::nullopt : failure;
    _changed.notify_all();
    if (token) {
        const WallTime now = _host.now();
        const auto life = std::clamp(token->life, MinimumLife, MaximumLife);
        entry->token = token->value;
        entry->expiresAt = now + life;
        entry->renewAt = now + (token->renewAfter.count() > 0 ? std::min(token->renewAfter, life) : life * 4 / 5);
        return {token->value, true};
    }
    // Renewal failed, not because of the credential, and the old token still has life.
    const WallTime now = _host.now();
    const bool verdict =
        failure && (failure->code() == ErrorCode::CredentialRefused || failure->code() == ErrorCode::RepositoryDenied);
    if (entry->token && now < entry->expiresAt && failure && !verdict) {
        entry->renewAt = now + RenewalPause;
        return {*entry->token, false};
    }
    std::rethrow_exception(thrown);
}

std::shared_ptr<TokenCache::Entry> TokenCache::entryOf(const Key& key) {
    const auto found = _entries.find(key);
    if (found != _entries.end()) {
        _order.splice(_order.begin(), _order, found->second);
        return found->second->second;
    }
    if (_entries.size() >= _capacity) makeRoom();
    _order.emplace_front(key, std::make_shared<Entry>());
    _entries.emplace(key, _order.begin());
    return _order.front().second;
}

void TokenCache::makeRoom() {
    // An entry that somebody is asking for stays in his hands even when dropped here; at worst it is asked for twice.
    _entries.erase(_order.back().first);
    _order.pop_back();
}

void TokenCache::forget(const Key& key, const Secret& refused) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _entries.find(key);
    if (found == _entries.end()) return;
    Entry& entry = *found->second->second;
    if (entry.token && *entry.token == refused) entry.token.reset();
}

std::size_t TokenCache::size() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _entries.size();
}

} // namespace wasmproxy
