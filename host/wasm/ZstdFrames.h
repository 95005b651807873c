// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace wasmproxy::host {

/// Walks zstd frames beside the decoder, only to learn of a frame's window before the decoder allocates it: libarchive
/// offers no bound and libzstd's own is 128 MiB. What is malformed is left to the decoder to refuse.
/// Source: RFC 8878, sections 3.1.1 and 3.1.2.
class ZstdFrames {
public:
    /// Throws Error{ModuleUnusable} that names `layer` at a frame whose window is larger than `maxWindow` bytes.
    ZstdFrames(std::string layer, std::uint64_t maxWindow) : _layer(std::move(layer)), _maxWindow(maxWindow) {}

    void see(const char* bytes, std::size_t size);

private:
    enum class Field { Magic, SkippableSize, Descriptor, Header, Block, Unknown };

    void expect(Field field, std::size_t bytes);
    void take();
    void takeHeader();
    std::uint64_t number(std::size_t from, std::size_t bytes) const;

    std::string _layer;
    std::uint64_t _maxWindow;
    Field _field = Field::Magic;
    std::size_t _wanted = 4;
    std::string _bytes;      ///< of the field so far; at most 14
    std::uint64_t _skip = 0; ///< bytes before the next field
    unsigned char _descriptor = 0;
};

} // namespace wasmproxy::host
