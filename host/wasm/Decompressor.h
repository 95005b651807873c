// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ArchiveInput.h"
#include "wasm/ContentShape.h"
#include "wasm/UnpackBudget.h"

namespace wasmproxy::host {

/// Takes one compression off a stream: gzip with all its members, or zstd with all its frames. Charges the budget with
/// each byte that comes out. Libarchive would undo up to 25 compressions by itself and count none, so each gets its
/// own.
class Decompressor : public BodyReader {
public:
    /// `shape` is Gzip or Zstd.
    Decompressor(std::unique_ptr<BodyReader> source, ContentShape shape, const std::string& layer,
                 UnpackBudget& budget);

    std::size_t read(char* buffer, std::size_t size) override;

private:
    ArchiveInput _input;
    std::string _layer;
    UnpackBudget& _budget;
    bool _empty = false;
};

} // namespace wasmproxy::host
