// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ContentHead.h"
#include "Keys.h"
#include "RedisServer.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace wasmproxy::redis {

/// Contents as keys of one Redis: pieces, and a head that is written when all pieces are there. No command names more
/// than one key. Pieces always expire, so that a crash leaves nothing for long. Thread-safe.
class Contents {
public:
    /// Of an upload that is not committed: longer than a pull may take.
    static constexpr std::chrono::milliseconds UnfinishedLife = std::chrono::minutes(15);
    /// How long what is removed or replaced stays readable for those who have it open.
    static constexpr std::chrono::milliseconds RemovedLife = std::chrono::minutes(1);

    Contents(std::shared_ptr<RedisServer> server, std::string prefix)
        : _server(std::move(server)), _keys{std::move(prefix)} {}

    std::optional<ContentHead> head(const Call& call, const Digest& digest);
    /// Replaces what was there.
    void publish(const Call& call, const Digest& digest, const ContentHead& head);
    bool remove(const Call& call, const Digest& digest);
    void visit(const Call& call, const std::function<void(const Digest&, const ContentHead&)>& visitor);

    void putChunk(const Call& call, const std::string& upload, std::uint64_t number, std::string_view bytes);
    /// Throws Error{StorageFault} where it is not there, or not as long as it should be; the head is removed then.
    std::string chunk(const Call& call, const Digest& digest, const ContentHead& head, std::uint64_t number);
    void discard(const ContentHead& head) noexcept; ///< the pieces of an upload that was not committed

private:
    void letGo(const ContentHead& head) noexcept;

    const std::shared_ptr<RedisServer> _server;
    const Keys _keys;
};

} // namespace wasmproxy::redis
