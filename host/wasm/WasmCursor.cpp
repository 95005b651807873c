// SPDX-License-Identifier: Apache-2.0
#include "wasm/WasmCursor.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {
constexpr std::size_t BufferBytes = 16 * 1024;
constexpr std::size_t HeaderBytes = 8;
constexpr std::size_t DescribedBytes = 512;
} // namespace

WasmCursor::WasmCursor(Blob& module) : _module(module), _size(module.size()), _end(_size), _buffer(BufferBytes) {}

std::string WasmCursor::beginning() {
    load();
    _position = std::min<std::uint64_t>(HeaderBytes, _size);
    return std::string(_buffer.data(), std::min(_bufferBytes, DescribedBytes));
}

void WasmCursor::load() {
    _bufferStart = _position;
    _bufferBytes = 0;
    const std::uint64_t wanted = std::min<std::uint64_t>(_buffer.size(), _size - _position);
    while (_bufferBytes < wanted) {
        const std::size_t count = _module.read(_bufferStart + _bufferBytes, _buffer.data() + _bufferBytes,
                                               static_cast<std::size_t>(wanted) - _bufferBytes);
        if (count == 0) throw Error(ErrorCode::StorageFault, "a cached module ends before its size");
        _bufferBytes += count;
    }
}

unsigned WasmCursor::byte() {
    if (_position >= _end) fail("breaks off inside a section");
    if (_position < _bufferStart || _position >= _bufferStart + _bufferBytes) load();
    return static_cast<unsigned char>(_buffer[static_cast<std::size_t>(_position++ - _bufferStart)]);
}

std::uint64_t WasmCursor::leb(unsigned bits) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        const unsigned next = byte();
        if (bits == 32 && shift == 28 && (next & 0xf0) != 0) fail("has a number of more than 32 bits");
        value |= std::uint64_t(next & 0x7f) << shift;
        if ((next & 0x80) == 0) return value;
    }
    fail("has a number that does not end");
}

std::optional<std::string> WasmCursor::name(std::size_t limit) {
    const std::uint64_t length = leb(32);
    if (length > _end - _position) fail("has a name that overruns its section");
    if (length > limit) {
        _position += length;
        return std::nullopt;
    }
    std::string out;
    out.reserve(static_cast<std::size_t>(length));
    for (std::uint64_t i = 0; i < length; ++i)
        out += static_cast<char>(byte());
    return out;
}

void WasmCursor::enter(std::uint64_t size) {
    if (size > _end - _position) fail("has a section that overruns the file: it is cut short or damaged");
    _end = _position + size;
}

void WasmCursor::leave() {
    _position = _end;
    _end = _size;
}

void WasmCursor::fail(const std::string& problem) const {
    throw Error(ErrorCode::ModuleUnusable, "the module " + problem + " (near byte " + std::to_string(_position) +
                                               " of " + std::to_string(_size) + ")");
}

} // namespace wasmproxy::host
