// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace wasmproxy::host {

class MemoryFile;

/// Where contents go while the main tier cannot be written: its disk is full, read-only or fails. Memory within a
/// bound; the oldest leave for a new one, and what is still being sent counts until it is not. Thread-safe. Blobs and
/// ingests may outlive it.
class SpareMemory {
public:
    explicit SpareMemory(std::uint64_t bound); ///< bytes
    ~SpareMemory();

    /// Called, without a lock, with what leaves: whoever keeps it open for later lets go.
    void onLeaving(std::function<void(const Digest&)> leaving);

    std::unique_ptr<Blob> open(const Digest& digest); ///< nullptr: absent
    std::unique_ptr<Ingest> ingest();
    bool remove(const Digest& digest);
    std::uint64_t bytes() const; ///< in use

private:
    struct State;
    class View;
    class Write;
    const std::shared_ptr<State> _state;
};

} // namespace wasmproxy::host
