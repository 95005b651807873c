// SPDX-License-Identifier: Apache-2.0
#include "OffsetReader.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <array>

namespace wasmproxy {

OffsetReader::OffsetReader(std::unique_ptr<BodyReader> whole, std::uint64_t offset, std::string what)
    : _whole(std::move(whole)), _left(offset), _what(std::move(what)) {}

std::size_t OffsetReader::read(char* buffer, std::size_t size) {
    std::array<char, 16384> discarded;
    while (_left > 0) {
        const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(_left, discarded.size()));
        const std::size_t got = _whole->read(discarded.data(), wanted);
        if (got == 0) throw Error(ErrorCode::UpstreamInvalid, _what + " ended before the offset it was asked from");
        _left -= got;
    }
    return _whole->read(buffer, size);
}

} // namespace wasmproxy
