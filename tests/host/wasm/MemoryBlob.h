// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace wasmproxy::host {

/// Content made of a beginning and a piece that repeats: gigabytes without holding them.
class MemoryBlob : public Blob {
public:
    explicit MemoryBlob(std::string bytes) : _head(std::move(bytes)) {}
    MemoryBlob(std::string head, std::string piece, std::uint64_t times)
        : _head(std::move(head)), _piece(std::move(piece)), _times(times) {}

    std::uint64_t size() const noexcept override { return _head.size() + _piece.size() * _times; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        std::size_t done = 0;
        while (done < size && offset < this->size()) {
            const bool inHead = offset < _head.size();
            const std::string& from = inHead ? _head : _piece;
            const std::size_t at = static_cast<std::size_t>(inHead ? offset : (offset - _head.size()) % _piece.size());
            const std::size_t count = std::min(size - done, from.size() - at);
            std::memcpy(buffer + done, from.data() + at, count);
            done += count;
            offset += count;
        }
        return done;
    }

private:
    std::string _head;
    std::string _piece;
    std::uint64_t _times = 0;
};

} // namespace wasmproxy::host
