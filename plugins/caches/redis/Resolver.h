// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Patience.h"

#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::redis {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

/// Looks up one host on a thread of its own, since getaddrinfo(3) knows no bound. One look-up at a time, which all who
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
    void lookUp();
    int ask(int flags, std::vector<SocketAddress>& found) const;

    const std::string _host;
    const std::string _port;
    std::mutex _mutex; // all below
    std::condition_variable _finished;
    std::thread _thread;
    bool _running = false;
    std::vector<SocketAddress> _known;
    std::string _failure;
};

} // namespace wasmproxy::redis
