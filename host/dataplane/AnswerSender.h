// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace wasmproxy::host {

/// Puts one answer on a socket that does not block: first the bytes that are ready (head, and body where it is small),
/// then a part of a Blob by sendfile(2), a quantum at a time so that one fast reader does not keep a loop to itself.
/// Holds the Blob, which is the lease, until the last byte is in the socket.
class AnswerSender {
public:
    enum class Progress {
        Done,
        Blocked, ///< the socket is full
        Yield,   ///< a quantum was sent and there is more
        Failed   ///< the client is gone, or the content ended early
    };

    static constexpr std::uint64_t Quantum = 1024 * 1024;

    using Ready = std::array<std::string_view, 3>; ///< sent as one

    /// Begins an answer and sends what the socket takes now. `ready` is copied only where it did not fit.
    Progress start(int socket, const Ready& ready, std::shared_ptr<Blob> content, std::uint64_t offset,
                   std::uint64_t length);
    Progress advance(int socket);
    std::uint64_t sent() const noexcept { return _sent; } ///< bytes of this answer that the socket took
    void release() noexcept;                              ///< gives up the lease and what is left

private:
    Progress sendReady(int socket, Ready& ready);

    std::string _rest; ///< of what was ready
    std::size_t _restAt = 0;
    std::shared_ptr<Blob> _content;
    std::uint64_t _offset = 0;
    std::uint64_t _left = 0;
    std::uint64_t _sent = 0;
};

} // namespace wasmproxy::host
