// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "FileDescriptor.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <string>

namespace wasmproxy::disk {

/// A committed file, open for reading. It stays whole when the name is removed or renamed over.
class DiskBlob : public Blob {
public:
    DiskBlob(FileDescriptor file, std::uint64_t size, std::string path)
        : _file(std::move(file)), _size(size), _path(std::move(path)) {}

    std::uint64_t size() const noexcept override { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override;
    int descriptor() const noexcept override { return _file.get(); }

private:
    const FileDescriptor _file;
    const std::uint64_t _size;
    const std::string _path;
};

} // namespace wasmproxy::disk
