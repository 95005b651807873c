// SPDX-License-Identifier: Apache-2.0
#include "Socket.h"

#include "ServerFault.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

namespace wasmproxy::redis {

namespace {

[[noreturn]] void failErrno(const std::string& doing, int number) {
    throw ServerFault("cannot " + doing + ": " + std::generic_category().message(number));
}

} // namespace

Socket::Socket(const std::vector<SocketAddress>& addresses, const Patience& patience) {
    std::optional<ServerFault> failure;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const auto left = static_cast<Patience::Time::rep>(addresses.size() - i);
        const auto share = std::max(patience.call().remaining() / left, Patience::Time(1));
        try {
            // The last one has all that is left, so that its failure says whose time was over.
            connect(addresses[i], left == 1 ? patience : Patience(patience.call(), share));
            return;
        } catch (const ServerFault& fault) {
            close();
            failure = fault;
        }
    }
    throw *failure; // there is at least one address
}

void Socket::connect(const SocketAddress& address, const Patience& patience) {
    _descriptor = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (_descriptor < 0) failErrno("open a socket", errno);
    const int on = 1;
    ::setsockopt(_descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(_descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (::connect(_descriptor, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) return;
    if (errno != EINPROGRESS) failErrno("connect", errno);
    patience.await(_descriptor, POLLOUT, "connecting");
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(_descriptor, SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    if (number != 0) failErrno("connect", number);
}

void Socket::send(std::string_view bytes, const Patience& patience) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(_descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            // A server that takes a byte now and then never blocks us for long, and is not to go on for ever.
            if (!bytes.empty() && patience.over()) patience.fail("sending");
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            patience.await(_descriptor, POLLOUT, "sending");
        } else if (errno != EINTR) {
            failErrno("send", errno);
        }
    }
}

std::size_t Socket::receive(char* buffer, std::size_t size, const Patience& patience) {
    while (true) {
        if (patience.over()) patience.fail("waiting for an answer");
        const ssize_t got = ::recv(_descriptor, buffer, size, 0);
        if (got > 0) return static_cast<std::size_t>(got);
        if (got == 0) throw ServerFault("it closed the connection");
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            patience.await(_descriptor, POLLIN, "waiting for an answer");
        else if (errno != EINTR)
            failErrno("receive", errno);
    }
}

bool Socket::quiet() const {
    pollfd entry{_descriptor, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 0;
}

void Socket::close() noexcept {
    if (_descriptor >= 0) ::close(_descriptor);
    _descriptor = -1;
}

} // namespace wasmproxy::redis
