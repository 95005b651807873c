// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "S3Client.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <memory>

namespace wasmproxy::s3 {

/// A content on its way to the bucket: nothing is there before commit() puts it whole, in one request.
class S3Ingest : public Ingest {
public:
    S3Ingest(Call& call, std::shared_ptr<S3Client> client, std::unique_ptr<Spool> spool)
        : _call(call), _client(std::move(client)), _spool(std::move(spool)) {}

    void write(const char* bytes, std::size_t size) override;
    void commit(const Digest& digest) override;

private:
    void requireOpen(const char* doing) const;

    Call& _call; ///< outlives this, as the seam says
    const std::shared_ptr<S3Client> _client;
    std::unique_ptr<Spool> _spool; ///< null once committed or failed
    DigestStream _sha256;          ///< whatever the digest is: the signature needs this one
};

} // namespace wasmproxy::s3
