// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Reads the binary format out of a Blob through a small buffer, never past the section it is in. Throws
/// Error{ModuleUnusable}.
class WasmCursor {
public:
    explicit WasmCursor(Blob& module);

    std::string beginning(); ///< the first bytes, up to a header and what helps to describe it; then stands behind 8
    bool atEnd() const { return _position == _end; }
    unsigned byte();
    std::uint64_t leb(unsigned bits); ///< of at most `bits` bits (33 and 64 are not checked for their last bits)
    /// A length and that many bytes; nullopt, and skipped, where it is longer than `limit`.
    std::optional<std::string> name(std::size_t limit);

    void enter(std::uint64_t size); ///< a section of that size begins here
    void leave();                   ///< goes to its end

    [[noreturn]] void fail(const std::string& problem) const;

private:
    void load();

    Blob& _module;
    std::uint64_t _size;
    std::uint64_t _position = 0;
    std::uint64_t _end; ///< of the section, or of the module
    std::vector<char> _buffer;
    std::uint64_t _bufferStart = 0;
    std::size_t _bufferBytes = 0;
};

} // namespace wasmproxy::host
