// SPDX-License-Identifier: Apache-2.0
#include "RedisBlob.h"

#include <algorithm>

namespace wasmproxy::redis {

std::size_t RedisBlob::read(std::uint64_t offset, char* buffer, std::size_t size) {
    if (offset >= _head.size || size == 0) return 0;
    const std::uint64_t number = offset / ContentHead::Chunk;
    const auto start = static_cast<std::size_t>(offset % ContentHead::Chunk);
    // Held while it is fetched: others who read here want the same bytes next.
    const std::lock_guard<std::mutex> guard(_mutex);
    if (_bytes.empty() || _number != number) {
        _bytes.clear();
        _bytes = _contents->chunk(_server->ownCall(), _digest, _head, number);
        _number = number;
    }
    const std::size_t count = std::min(size, _bytes.size() - start);
    std::copy_n(_bytes.data() + start, count, buffer);
    return count;
}

} // namespace wasmproxy::redis
