// SPDX-License-Identifier: Apache-2.0
#include "wasm/ZstdFrames.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

void ZstdFrames::expect(Field field, std::size_t bytes) {
    _field = field;
    _wanted = bytes;
    _bytes.clear();
}

void ZstdFrames::see(const char* bytes, std::size_t size) {
    while (size > 0 && _field != Field::Unknown) {
        std::size_t count = size;
        if (_skip > 0) {
            count = static_cast<std::size_t>(std::min<std::uint64_t>(_skip, size));
            _skip -= count;
        } else {
            count = std::min(size, _wanted - _bytes.size());
            _bytes.append(bytes, count);
            if (_bytes.size() == _wanted) take();
        }
        bytes += count;
        size -= count;
    }
}

std::uint64_t ZstdFrames::number(std::size_t from, std::size_t bytes) const {
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i > 0; --i)
        value = value << 8 | static_cast<unsigned char>(_bytes[from + i - 1]);
    return value;
}

void ZstdFrames::take() {
    switch (_field) {
    case Field::Magic: {
        const std::uint64_t magic = number(0, 4);
        if (magic == 0xfd2fb528)
            expect(Field::Descriptor, 1);
        else if ((magic & 0xfffffff0) == 0x184d2a50)
            expect(Field::SkippableSize, 4);
        else
            expect(Field::Unknown, 0);
        break;
    }
    case Field::SkippableSize:
        _skip = number(0, 4);
        expect(Field::Magic, 4);
        break;
    case Field::Descriptor: {
        static constexpr std::size_t DictionaryBytes[] = {0, 1, 2, 4};
        static constexpr std::size_t ContentBytes[] = {0, 2, 4, 8};
        _descriptor = static_cast<unsigned char>(_bytes[0]);
        const bool single = (_descriptor & 0x20) != 0;
        std::size_t rest = DictionaryBytes[_descriptor & 3] + ContentBytes[_descriptor >> 6];
        // A single segment has its content size for a window, in at least one byte; else the window has a byte.
        if (!single || _descriptor >> 6 == 0) ++rest;
        expect(Field::Header, rest);
        break;
    }
    case Field::Header:
        takeHeader();
        expect(Field::Block, 3);
        break;
    case Field::Block: {
        const std::uint64_t block = number(0, 3);
        const bool last = (block & 1) != 0;
        const bool repeated = (block >> 1 & 3) == 1;
        _skip = repeated ? 1 : block >> 3;
        if (last && (_descriptor & 4) != 0) _skip += 4;
        if (last)
            expect(Field::Magic, 4);
        else
            expect(Field::Block, 3);
        break;
    }
    case Field::Unknown:
        break;
    }
}

void ZstdFrames::takeHeader() {
    std::uint64_t window = 0;
    if ((_descriptor & 0x20) != 0) {
        static constexpr std::size_t DictionaryBytes[] = {0, 1, 2, 4};
        const std::size_t from = DictionaryBytes[_descriptor & 3];
        window = number(from, _bytes.size() - from);
        if (_descriptor >> 6 == 1) window += 256;
    } else {
        const unsigned char byte = static_cast<unsigned char>(_bytes[0]);
        const std::uint64_t base = std::uint64_t(1) << (10 + (byte >> 3));
        window = base + base / 8 * (byte & 7);
    }
    if (window > _maxWindow)
        throw Error(ErrorCode::ModuleUnusable,
                    _layer + " needs a zstd window of " + std::to_string(window) + " bytes; at most " +
                        std::to_string(_maxWindow) + " are given",
                    "compress it with a level below 21 and without --long");
}

} // namespace wasmproxy::host
