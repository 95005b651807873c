// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace wasmproxy::host {

/// Which contents a tier before the main one holds, in the order of their use, and which must go for another. Knows no
/// store. Thread-safe.
class RecentContents {
public:
    explicit RecentContents(std::uint64_t capacity) : _capacity(capacity) {}

    bool takes(std::uint64_t size) const noexcept { return size <= _capacity; }
    std::vector<Digest> setCapacity(std::uint64_t bytes); ///< what has to be removed for it
    /// It counts as held from now on. What has to be removed for it; itself, where it alone is too large.
    std::vector<Digest> add(const Digest& digest, std::uint64_t size);
    void used(const Digest& digest);
    void forget(const Digest& digest);

    struct Held {
        std::uint64_t contents = 0;
        std::uint64_t bytes = 0;
    };
    Held held() const;

private:
    struct Entry {
        Digest digest;
        std::uint64_t size;
    };
    using Order = std::list<Entry>;
    void erase(Order::iterator entry);
    std::vector<Digest> trim(); // under the lock

    std::atomic<std::uint64_t> _capacity; ///< bytes
    mutable std::mutex _mutex;
    Order _order; // most recently used first
    std::unordered_map<Digest, Order::iterator> _entries;
    std::uint64_t _bytes = 0;
};

} // namespace wasmproxy::host
