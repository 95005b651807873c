// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "BlobDirectory.h"
#include "DiskSettings.h"
#include "Quarantine.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/HostServices.h"

#include <memory>

namespace wasmproxy::disk {

/// The cache store of one local directory, after containerd's core/content: written aside, synced, renamed.
/// Thread-safe.
class DiskStore : public CacheStore, public CacheQuarantine {
public:
    DiskStore(HostServices& host, std::unique_ptr<DiskSettings> settings);

    void* ability(const char* id) noexcept override;
    std::unique_ptr<Blob> open(Call& call, const Digest& digest) override;
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize) override;
    bool remove(Call& call, const Digest& digest) override;
    void visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) override;
    bool quarantine(Call& call, const Digest& digest) override;
    Held quarantined() const noexcept override { return _quarantine.held(); }

private:
    void visitShard(const std::string& algorithm, const std::string& shard,
                    const std::function<void(const StoredBlob&)>& visitor);

    HostServices& _host;
    std::shared_ptr<BlobDirectory> _directory;
    Quarantine _quarantine;
};

} // namespace wasmproxy::disk
