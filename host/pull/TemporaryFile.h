// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <string>

namespace wasmproxy::host {

/// A file without a name: it goes away with the object, whatever becomes of the process. Written by one thread, then
/// read by any. Throws Error{StorageFault}.
class TemporaryFile : public Blob {
public:
    explicit TemporaryFile(const std::string& folder);
    ~TemporaryFile() override;
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    void append(const char* bytes, std::size_t size);

    std::uint64_t size() const noexcept override { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override;
    int descriptor() const noexcept override { return _descriptor; }

private:
    int _descriptor;
    std::uint64_t _size = 0;
};

} // namespace wasmproxy::host
