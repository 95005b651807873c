// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/UnpackBudget.h"
#include "wasmproxy/plugin/BodyReader.h"
#include "wasmproxy/plugin/CacheStore.h"

namespace wasmproxy::host {

/// A Blob from its beginning to its end. Both references outlive it.
class BlobReader : public BodyReader {
public:
    BlobReader(Blob& blob, UnpackBudget& budget) : _blob(blob), _budget(budget) {}

    std::size_t read(char* buffer, std::size_t size) override {
        const std::size_t count = _blob.read(_offset, buffer, size);
        if (count == 0 && size > 0 && _offset < _blob.size())
            throw Error(ErrorCode::StorageFault, "a cached blob ends before its size");
        _offset += count;
        _budget.packed(count);
        return count;
    }

private:
    Blob& _blob;
    UnpackBudget& _budget;
    std::uint64_t _offset = 0;
};

} // namespace wasmproxy::host
