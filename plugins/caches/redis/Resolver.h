// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Patience.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::redis {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

/// Looks up one host, with a bound on the wait that getaddrinfo(3) does not have. One look-up at a time, which all who
/// ask share; where it fails or takes too long, the addresses known before are given. Thread-safe.
class Resolver {
public:
    static constexpr std::size_t MaxAddresses = 8;

    Resolver(std::string host, int port);
    ~Resolver(); ///< waits for a look-up in progress, which cannot be called off
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// Throws ServerFault where there are none.
    std::vector<SocketAddress> addresses(const Patience& patience);

private:
    void start();
    bool finished(const Patience& patience); ///< false: out of patience
    void take(int result);

    const std::string _host;
    const std::string _port;
    addrinfo _hints{};
    gaicb _request{};
    std::timed_mutex _mutex;
    bool _running = false;
    std::vector<SocketAddress> _known;
    std::string _failure;
};

} // namespace wasmproxy::redis
