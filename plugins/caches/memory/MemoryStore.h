// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Content.h"
#include "MemorySettings.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/HostServices.h"

#include <memory>
#include <mutex>
#include <unordered_map>

namespace wasmproxy::memory {

/// Contents in the memory of this process: gone with it. Before a cache on disk, or instead of one where nothing may be
/// written. Thread-safe.
class MemoryStore : public CacheStore {
public:
    MemoryStore(HostServices& host, std::unique_ptr<MemorySettings> settings);

    std::unique_ptr<Blob> open(Call& call, const Digest& digest) override;
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize) override;
    bool remove(Call& call, const Digest& digest) override;
    void visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) override;

    std::uint64_t used() const noexcept { return _budget->used(); } ///< bytes, with what is removed and still open

private:
    class Reading;
    class Writing;

    const std::shared_ptr<Budget> _budget;
    std::mutex _mutex;
    std::unordered_map<Digest, std::shared_ptr<const Content>> _contents;
};

} // namespace wasmproxy::memory
