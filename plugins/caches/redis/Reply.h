// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::redis {

/// What a server said to one command. Move-only value.
struct Reply {
    enum class Kind { Status, Error, Integer, Nil, Text, List };

    Kind kind = Kind::Nil;
    std::string text; ///< of Status, Error and Text
    long long number = 0;
    std::vector<std::unique_ptr<Reply>> items;

    bool is(Kind wanted) const noexcept { return kind == wanted; }
};

/// What a reply may be at most; more is a broken server.
struct ReplyBounds {
    std::size_t bytes = 4096;
    std::size_t elements = 0; ///< of all lists in it together
};

} // namespace wasmproxy::redis
