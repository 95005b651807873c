// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "S3Client.h"
#include "S3Records.h"
#include "S3Settings.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/HostServices.h"

#include <memory>

namespace wasmproxy::s3 {

/// A bucket, or a part of one, as the cache that several proxies share. Thread-safe.
class S3Store : public CacheStore {
public:
    S3Store(HostServices& host, std::unique_ptr<S3Settings> settings);
    S3Store(HostServices& host, std::unique_ptr<S3Settings> settings, const aws::Environment& environment);

    void* ability(const char* id) noexcept override;
    std::unique_ptr<Blob> open(Call& call, const Digest& digest) override;
    std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize) override;
    bool remove(Call& call, const Digest& digest) override;
    void visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) override;

    static std::string keyOf(const Digest& digest); ///< "blobs/sha256/6c3c…"

private:
    const std::unique_ptr<S3Settings> _settings;
    const std::shared_ptr<S3Client> _client; ///< ingests have it, too
    S3Records _records;
};

} // namespace wasmproxy::s3
