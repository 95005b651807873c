// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ArchiveInput.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace wasmproxy::host {

struct TarEntry {
    enum class Kind { File, Directory, SymbolicLink, HardLink, Other };

    Kind kind = Kind::Other;
    /// Without leading `/` or `./` and without empty parts. Empty: the root itself, or a name that no file can have
    /// (`..` in it, longer than 4 KiB, more than 128 parts).
    std::string path;
    std::string target;       ///< of a link, as written
    std::uint64_t index = 0;  ///< its place in the archive
    std::size_t rawBytes = 0; ///< of the name as it stood in the archive
};

/// Reads a tar stream (ustar, pax, GNU) entry by entry. Declared sizes are believed by nobody; nothing is written.
class TarReader {
public:
    TarReader(std::unique_ptr<BodyReader> source, const std::string& layer);

    std::optional<TarEntry> next();
    /// Bytes of the entry that next() gave last; 0 at its end.
    std::size_t read(char* buffer, std::size_t size);

private:
    void chargeHeader(std::uint64_t bytes);

    ArchiveInput _input;
    std::string _layer;
    std::uint64_t _headerCost = 0;
    std::uint64_t _count = 0;
};

/// `path` as TarEntry::path has it.
std::string normalPath(std::string_view path);

} // namespace wasmproxy::host
