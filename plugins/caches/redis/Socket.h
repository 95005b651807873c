// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Channel.h"
#include "Resolver.h"

#include <vector>

namespace wasmproxy::redis {

/// A connected, non-blocking TCP socket.
class Socket : public Channel {
public:
    /// The first address that answers; each gets its share of the time. Throws ServerFault.
    Socket(const std::vector<SocketAddress>& addresses, const Patience& patience);
    ~Socket() override { close(); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void send(std::string_view bytes, const Patience& patience) override;
    std::size_t receive(char* buffer, std::size_t size, const Patience& patience) override;
    bool quiet() const override;

private:
    void connect(const SocketAddress& address, const Patience& patience);
    void close() noexcept;

    int _descriptor = -1;
};

} // namespace wasmproxy::redis
