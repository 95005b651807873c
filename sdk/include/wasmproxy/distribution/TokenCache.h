// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/plugin/Secret.h"

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy {

/// What a token endpoint hands out. Value type.
struct Token {
    Secret value;
    std::chrono::seconds life{60};      ///< from when it was received; see TokenCache::MinimumLife
    std::chrono::seconds renewAfter{0}; ///< when a newer one is asked for; zero: after four fifths of its life
};

/// Tokens by what they were asked with. Thread-safe. One request per key is under way at a time: those who also need
/// that token wait for it, each no longer than its own deadline; a token that is only due for renewal is handed out
/// meanwhile. Time is the host's wall clock at receipt, never the endpoint's `issued_at`.
class TokenCache {
public:
    static constexpr std::chrono::seconds MinimumLife{60};
    static constexpr std::chrono::seconds MaximumLife{24 * 3600};

    struct Key {
        std::string realm;
        std::string service;
        std::string scope;
        std::string fingerprint; ///< Credential::fingerprint()
        friend bool operator<(const Key& a, const Key& b);
        friend bool operator==(const Key& a, const Key& b);
    };

    struct Found {
        Secret value;
        bool fresh = false; ///< obtained during this call, not from the cache
    };

    explicit TokenCache(const HostServices& host, std::size_t capacity = 10000);
    TokenCache(const TokenCache&) = delete;
    TokenCache& operator=(const TokenCache&) = delete;

    /// The token of `key`, from `obtain` where there is none to use. What `obtain` throws reaches everybody who waited
    /// for it, except that a leader's passed deadline makes the next one try. Throws Error{DeadlineExceeded}.
    Found get(Call& call, const Key& key, const std::function<Token(Call&)>& obtain);
    /// Drops the token if it is still this one: a newer one, got by another thread meanwhile, stays.
    void forget(const Key& key, const Secret& refused);
    std::size_t size() const;

private:
    struct Entry;
    using Order = std::list<std::pair<Key, std::shared_ptr<Entry>>>;

    std::shared_ptr<Entry> entryOf(const Key& key);
    void makeRoom();
    Found lead(Call& call, std::unique_lock<std::mutex>& lock, const std::shared_ptr<Entry>& entry,
               const std::function<Token(Call&)>& obtain);

    const HostServices& _host;
    const std::size_t _capacity;
    mutable std::mutex _mutex;
    std::condition_variable _changed;
    Order _order; ///< most recently used first
    std::map<Key, Order::iterator> _entries;
};

} // namespace wasmproxy
