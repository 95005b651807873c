// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace wasmproxy::host {

/// The modules that are served from memory: verified, open, with a descriptor shared by all connections. The least
/// recently used one is let go past the bound; answers that still send it keep it open. Thread-safe, never blocks on
/// I/O.
class HotTable {
public:
    explicit HotTable(std::size_t bound) : _bound(bound) {}

    struct Lookups {
        std::uint64_t hits = 0;
        std::uint64_t misses = 0;
    };

    std::shared_ptr<Blob> find(const Digest& digest);
    Lookups lookups() const noexcept { return {_hits.load(), _misses.load()}; }
    void used() noexcept { _hits.fetch_add(1, std::memory_order_relaxed); } ///< without find(), as version() allows
    /// Changes after something was let go. Cheap.
    std::uint64_t version() const noexcept { return _version.load(std::memory_order_acquire); }
    void insert(const Digest& digest, std::shared_ptr<Blob> blob);
    void erase(const Digest& digest);

private:
    struct Entry {
        Digest digest;
        std::shared_ptr<Blob> blob;
    };
    const std::size_t _bound;
    std::mutex _mutex;
    std::atomic<std::uint64_t> _hits{0};
    std::atomic<std::uint64_t> _misses{0};
    std::atomic<std::uint64_t> _version{0};
    std::list<Entry> _order; // most recently used first
    std::unordered_map<Digest, std::list<Entry>::iterator> _entries;
};

/// `blob` itself if it has a descriptor, else a sealed copy in a memfd. Throws Error{StorageFault}.
std::shared_ptr<Blob> withDescriptor(std::unique_ptr<Blob> blob);

} // namespace wasmproxy::host
