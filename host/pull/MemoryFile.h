// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

namespace wasmproxy::host {

/// Bytes in a memfd: written by one thread and sealed, then read by any. Throws Error{StorageFault}.
class MemoryFile : public Blob {
public:
    MemoryFile();
    ~MemoryFile() override;
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    void append(const char* bytes, std::size_t size);
    void seal(); ///< no more is written to it, by nobody

    std::uint64_t size() const noexcept override { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override;
    int descriptor() const noexcept override { return _fd; }

private:
    int _fd;
    std::uint64_t _size = 0;
};

} // namespace wasmproxy::host
