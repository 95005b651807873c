// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Contents.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <memory>
#include <mutex>

namespace wasmproxy::redis {

/// Open content, read piece by piece; holds one piece at a time. Readable for a minute after it was removed.
class RedisBlob : public Blob {
public:
    RedisBlob(std::shared_ptr<RedisServer> server, std::shared_ptr<Contents> contents, Digest digest, ContentHead head)
        : _server(std::move(server)),
          _contents(std::move(contents)),
          _digest(std::move(digest)),
          _head(std::move(head)) {}

    std::uint64_t size() const noexcept override { return _head.size; }
    /// Never beyond the end of a piece, so fewer bytes than were asked for at times.
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override;

private:
    const std::shared_ptr<RedisServer> _server;
    const std::shared_ptr<Contents> _contents;
    const Digest _digest;
    const ContentHead _head;
    std::mutex _mutex;
    std::uint64_t _number = 0;
    std::string _bytes; ///< of piece `_number`; empty: none yet
};

} // namespace wasmproxy::redis
