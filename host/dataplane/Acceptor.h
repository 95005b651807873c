// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/EventLoop.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace wasmproxy::host {

/// Accepts on the first loop and deals the connections out in turn. One listener, not one per loop with SO_REUSEPORT:
/// that option would let a second process share the port unnoticed where it must be told that the address is taken,
/// deals by a hash that leaves some loops idle, and resets what still waits in a listener's own backlog when it closes.
class Acceptor {
public:
    /// Binds and listens. Throws Error{SettingsInvalid} that names the address.
    Acceptor(const std::string& listen, std::vector<std::shared_ptr<EventLoop>> loops);

    std::uint16_t port() const noexcept { return _port; }
    void start(); ///< any thread, once
    void stop();  ///< any thread but the loop's; returns once the listener is closed

private:
    void wait();
    bool acceptSome(); ///< false: nobody waits any more
    void refuse(int socket);
    void backOff();

    std::vector<std::shared_ptr<EventLoop>> _loops;
    Serving& _serving;
    boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, EventLoop::Executor> _listener;
    EventLoop::Timer _backOff;
    const std::string _overloaded; ///< what is said where a bound is reached
    std::uint16_t _port = 0;
    std::size_t _next = 0;
    bool _starved = false; ///< was out of descriptors last time
};

} // namespace wasmproxy::host
