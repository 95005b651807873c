// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "BlobDirectory.h"
#include "wasmproxy/plugin/CacheQuarantine.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace wasmproxy::disk {

/// The folder quarantine/ beside the blobs, its files named by time and digest: `1764000000000-sha256-ab12…`. The
/// oldest leave. Thread-safe.
class Quarantine {
public:
    static constexpr std::size_t MostFiles = 100;

    Quarantine(std::shared_ptr<BlobDirectory> directory, std::uint64_t mostBytes);

    /// Moves the blob there, or removes it where there is no room for it at all. false: it was not there. Throws
    /// Error{StorageFault}.
    bool take(const Digest& digest);
    CacheQuarantine::Held held() const noexcept { return {_files, _bytes}; }

private:
    bool unlink(const std::string& name);
    void trim();

    const std::shared_ptr<BlobDirectory> _directory;
    const std::uint64_t _mostBytes;
    std::mutex _mutex;
    std::atomic<std::uint64_t> _files{0};
    std::atomic<std::uint64_t> _bytes{0};
};

} // namespace wasmproxy::disk
