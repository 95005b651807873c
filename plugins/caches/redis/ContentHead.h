// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy::redis {

/// What stands under a content's digest: how long it is and where its pieces are. Value type.
struct ContentHead {
    /// Of every piece but the last. A little less than 1 MiB, since Redis' allocator takes 1.25 MiB for a little more.
    static constexpr std::uint64_t Chunk = 1023 * 1024;
    static constexpr std::uint64_t MaxSize = 4096 * Chunk; ///< 4 GiB
    static constexpr std::size_t MaxText = 128;

    std::uint64_t size = 0;
    std::string upload; ///< in the names of the pieces

    std::uint64_t chunks() const noexcept { return (size + Chunk - 1) / Chunk; }
    std::uint64_t sizeOf(std::uint64_t chunk) const noexcept { return std::min(Chunk, size - chunk * Chunk); }

    std::string str() const; ///< "1 <size> <upload>"
    /// nullopt: not from us, or from another version of us. To be treated as absent.
    static std::optional<ContentHead> parse(std::string_view text);
};

} // namespace wasmproxy::redis
