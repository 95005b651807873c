// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Descriptor.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/Call.h"

#include <set>
#include <string>

struct archive;

namespace wasmproxy::host {

/// Writes an OCI image layout as a tar archive into a descriptor, which stays open and the caller's. The same contents
/// give the same bytes. One thread at a time. Throws Error{StorageFault}.
class OciLayoutWriter {
public:
    explicit OciLayoutWriter(int descriptor);
    ~OciLayoutWriter();
    OciLayoutWriter(const OciLayoutWriter&) = delete;
    OciLayoutWriter& operator=(const OciLayoutWriter&) = delete;

    /// A content that was written before is left out.
    void add(Call& call, const Digest& digest, Blob& content);
    /// Ends the archive: index.json with `manifest` under its annotations.
    void finish(const Descriptor& manifest);

private:
    void begin(const std::string& path, std::uint64_t size);
    void write(const char* bytes, std::size_t size);
    void file(const std::string& path, const std::string& bytes);
    void check(int result);

    archive* _archive;
    std::set<Digest> _written;
};

} // namespace wasmproxy::host
