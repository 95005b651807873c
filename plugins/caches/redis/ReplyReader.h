// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Reply.h"

#include <memory>
#include <optional>
#include <string_view>

struct redisReader;
struct redisReadTask;

namespace wasmproxy::redis {

/// Replies out of bytes as they come, parsed by hiredis. Makes the replies itself: hiredis' own functions allocate as
/// many elements as a server announces. One thread at a time.
class ReplyReader {
public:
    ReplyReader();

    /// What came. Throws ServerFault once a reply has more bytes than `bounds` allow.
    void feed(std::string_view bytes, const ReplyBounds& bounds);
    /// nullopt: more bytes are needed. Throws ServerFault where this is no reply, or one beyond `bounds`.
    std::optional<Reply> next(const ReplyBounds& bounds);
    /// Nothing is there that next() has not given.
    bool empty() const noexcept;

private:
    struct Functions;

    std::unique_ptr<redisReader, void (*)(redisReader*)> _reader;
    std::size_t _fed = 0;      ///< bytes since the last whole reply
    std::size_t _elements = 0; ///< announced in the reply being read
    ReplyBounds _bounds;
};

} // namespace wasmproxy::redis
