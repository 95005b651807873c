// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "BlobDirectory.h"
#include "FileDescriptor.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <memory>
#include <string>

namespace wasmproxy::disk {

/// A temporary file that becomes a blob by rename. It keeps the directory's lock, so that no other process sweeps it.
class DiskIngest : public Ingest {
public:
    explicit DiskIngest(std::shared_ptr<BlobDirectory> directory);
    ~DiskIngest() override { discard(); }

    void write(const char* bytes, std::size_t size) override;
    void commit(const Digest& digest) override;

private:
    void requireOpen(const char* doing) const;
    void discard() noexcept;

    std::shared_ptr<BlobDirectory> _directory;
    std::string _name; ///< empty once committed or discarded
    FileDescriptor _file;
};

} // namespace wasmproxy::disk
