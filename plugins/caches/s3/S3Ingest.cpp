// SPDX-License-Identifier: Apache-2.0
#include "S3Ingest.h"

#include "S3Store.h"

namespace wasmproxy::s3 {

void S3Ingest::requireOpen(const char* doing) const {
    if (_spool) return;
    throw Error(ErrorCode::StorageFault,
                std::string("cannot ") + doing + " an ingest that is committed or has failed before");
}

void S3Ingest::write(const char* bytes, std::size_t size) {
    requireOpen("write to");
    try {
        _spool->append(bytes, size);
    } catch (...) {
        _spool.reset(); // the room is needed now
        throw;
    }
    _sha256.update(bytes, size);
}

void S3Ingest::commit(const Digest& digest) {
    requireOpen("commit");
    if (digest.empty()) throw Error(ErrorCode::Internal, "commit needs a digest");
    const auto spool = std::move(_spool);
    // Not If-None-Match: what is damaged there could never be replaced.
    _client->store(_call, S3Store::keyOf(digest), *spool, std::string(_sha256.finish().hex()));
}

} // namespace wasmproxy::s3
