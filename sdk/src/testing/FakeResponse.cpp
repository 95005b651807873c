// SPDX-License-Identifier: Apache-2.0
#include "FakeResponse.h"

#include <algorithm>

namespace wasmproxy::testing {

std::size_t FakeResponse::read(char* buffer, std::size_t size) {
    constexpr std::size_t Piece = 4096; // so that nobody gets used to whole bodies in one read
    if (_sent >= _reply.cutAfter)
        throw Error(ErrorCode::UpstreamUnavailable, "the connection broke in the middle of the body");
    const std::size_t end = std::min(_reply.body.size(), _reply.cutAfter);
    const std::size_t part = std::min({size, Piece, end - std::min(_sent, end)});
    std::copy_n(_reply.body.data() + std::min(_sent, end), part, buffer);
    _sent += part;
    return part;
}

} // namespace wasmproxy::testing
