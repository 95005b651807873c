// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/Component.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace wasmproxy {

/// Open content. Thread-safe. Stays readable until destroyed, even when the store removes it meanwhile.
class Blob {
public:
    virtual ~Blob() = default;
    virtual std::uint64_t size() const noexcept = 0;
    /// pread semantics: how many bytes were read at `offset`, 0 at or past the end. Throws Error{StorageFault}.
    virtual std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) = 0;
    /// A file descriptor owned by this Blob whose whole content it is, for sendfile(2); -1: it has none.
    virtual int descriptor() const noexcept { return -1; }
};

/// A write in progress, invisible until commit. One thread at a time. Destroyed without commit: nothing is left.
class Ingest {
public:
    virtual ~Ingest() = default;
    /// Throws Error{StorageFault} (full disk, …).
    virtual void write(const char* bytes, std::size_t size) = 0;
    /// Makes what was written durable and visible under `digest`, at once and whole; committing what is already there
    /// is not an error. Once; the store believes the digest, the host has verified it.
    virtual void commit(const Digest& digest) = 0;
};

struct StoredBlob {
    Digest digest;
    std::uint64_t size = 0;
};

/// Content-addressed store. Stores are dumb: no eviction, no tags, no verification. All methods are thread-safe.
class CacheStore : public Component {
public:
    static constexpr const char* Seam = "wasmproxy.cache-store/1";

    virtual std::unique_ptr<Blob> open(Call& call, const Digest& digest) = 0; ///< nullptr: absent
    /// `expectedSize` in bytes is a hint, Descriptor::UnknownSize where nobody knows: never allocate from it.
    virtual std::unique_ptr<Ingest> ingest(Call& call, std::uint64_t expectedSize) = 0;
    virtual bool remove(Call& call, const Digest& digest) = 0; ///< false: it was not there
    /// Every committed blob, in any order; what is committed or removed meanwhile may or may not be seen.
    virtual void visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) = 0;
};

} // namespace wasmproxy
