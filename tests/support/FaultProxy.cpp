// SPDX-License-Identifier: Apache-2.0
#include "support/FaultProxy.h"

#include "support/FreePorts.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

constexpr std::size_t BufferLimit = 64 * 1024;
constexpr int TickMs = 20; // of slow tunnels

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Appends what is there; false at the end or when the connection broke.
bool receive(int socket, std::string& into, std::size_t limit) {
    char buffer[BufferLimit];
    const ssize_t count = ::recv(socket, buffer, std::min(limit, sizeof(buffer)), MSG_DONTWAIT);
    if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && errno == EAGAIN);
}

bool flush(int socket, std::string& from) {
    if (from.empty()) return true;
    const ssize_t count = ::send(socket, from.data(), from.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) from.erase(0, static_cast<std::size_t>(count));
    return count > 0 || errno == EAGAIN;
}

} // namespace

FaultProxy::FaultProxy(int targetPort) : _targetPort(targetPort), _port(freePort()), _wake(::eventfd(0, EFD_CLOEXEC)) {
    listen();
    _thread = std::thread([this] { run(); });
}

FaultProxy::~FaultProxy() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    ::eventfd_write(_wake, 1);
    _thread.join();
    for (auto& tunnel : _tunnels)
        close(tunnel, false);
    if (_listener >= 0) ::close(_listener);
    ::close(_wake);
}

void FaultProxy::pass() {
    change(Mode::Pass, 0);
}
void FaultProxy::refuse() {
    change(Mode::Refuse, 0);
}
void FaultProxy::blackHole() {
    change(Mode::BlackHole, 0);
}
void FaultProxy::cutAfter(std::uint64_t bytes) {
    change(Mode::Cut, bytes);
}
void FaultProxy::slow(std::uint64_t bytesPerSecond) {
    change(Mode::Slow, bytesPerSecond);
}

void FaultProxy::change(Mode mode, std::uint64_t figure) {
    std::unique_lock<std::mutex> lock(_mutex);
    _wanted = mode;
    _wantedFigure = figure;
    const std::uint64_t mine = ++_changes;
    ::eventfd_write(_wake, 1);
    _applied.wait(lock, [&] { return _seen >= mine; });
}

void FaultProxy::listen() {
    _listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(_listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const sockaddr_in address = loopback(_port);
    if (::bind(_listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(_listener, 256) != 0)
        throw std::runtime_error("the fault proxy cannot listen on port " + std::to_string(_port));
}

/// Takes over what was asked for, on the thread that owns the tunnels.
void FaultProxy::apply() {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_seen == _changes) return;
    _mode = _wanted;
    _figure = _wantedFigure;
    _seen = _changes;
    for (auto& tunnel : _tunnels) {
        tunnel.said = 0;
        tunnel.allowance = 0;
        if (_mode == Mode::Refuse) close(tunnel, true);
    }
    if (_mode == Mode::Refuse) {
        _tunnels.clear();
        if (_listener >= 0) ::close(_listener);
        _listener = -1;
    } else if (_listener < 0) {
        listen();
    }
    _applied.notify_all();
}

void FaultProxy::run() {
    auto lastStep = std::chrono::steady_clock::now();
    // A descriptor that is asked for nothing is left out: its hang-up would be reported again and again.
    const auto watched = [](int descriptor, bool in, bool out) {
        const int events = (in ? POLLIN : 0) | (out ? POLLOUT : 0);
        return pollfd{events != 0 ? descriptor : -1, static_cast<short>(events), 0};
    };
    while (true) {
        std::vector<pollfd> events{{_wake, POLLIN, 0}};
        if (_listener >= 0) events.push_back({_listener, POLLIN, 0});
        bool moving = false;
        for (auto& tunnel : _tunnels) {
            if (_mode == Mode::BlackHole) break;
            moving = true;
            const bool fromClient = !tunnel.clientEnded && tunnel.toTarget.size() < BufferLimit;
            const bool fromTarget = !tunnel.targetEnded && mayBring(tunnel) > 0;
            events.push_back(watched(tunnel.client, fromClient, !tunnel.toClient.empty()));
            events.push_back(watched(tunnel.target, fromTarget, !tunnel.toTarget.empty()));
        }
        ::poll(events.data(), events.size(), moving && _mode == Mode::Slow ? TickMs : -1);
        eventfd_t count = 0;
        if ((events[0].revents & POLLIN) != 0) ::eventfd_read(_wake, &count);
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            if (_stopping) return;
        }
        apply();
        if (_listener >= 0) accept();
        const auto now = std::chrono::steady_clock::now();
        const double elapsed = std::chrono::duration<double>(now - lastStep).count();
        const double rate = _mode == Mode::Slow ? static_cast<double>(_figure) : 0;
        lastStep = now;
        if (_mode == Mode::BlackHole) continue;
        for (auto tunnel = _tunnels.begin(); tunnel != _tunnels.end();) {
            tunnel->allowance = std::min(tunnel->allowance + rate * elapsed, std::max(1.0, rate / 10));
            tunnel = step(*tunnel) ? std::next(tunnel) : _tunnels.erase(tunnel);
        }
    }
}

void FaultProxy::accept() {
    while (true) {
        const int client = ::accept4(_listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) return;
        ++_accepted;
        const int target = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval patience{1, 0};
        ::setsockopt(target, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)); // bounds connect
        const sockaddr_in address = loopback(_targetPort);
        if (::connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            ::close(target);
            ::close(client);
            continue;
        }
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        ::setsockopt(target, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        Tunnel tunnel;
        tunnel.client = client;
        tunnel.target = target;
        _tunnels.push_back(std::move(tunnel));
    }
}

std::size_t FaultProxy::mayBring(const Tunnel& tunnel) const {
    std::size_t room = BufferLimit - std::min(BufferLimit, tunnel.toClient.size());
    if (_mode == Mode::Slow) room = std::min(room, static_cast<std::size_t>(tunnel.allowance));
    if (_mode == Mode::Cut) room = std::min<std::uint64_t>(room, _figure - std::min(_figure, tunnel.said));
    return room;
}

bool FaultProxy::step(Tunnel& tunnel) {
    if (!tunnel.clientEnded && tunnel.toTarget.size() < BufferLimit &&
        !receive(tunnel.client, tunnel.toTarget, BufferLimit))
        tunnel.clientEnded = true;
    if (const std::size_t room = tunnel.targetEnded ? 0 : mayBring(tunnel)) {
        const std::size_t before = tunnel.toClient.size();
        pollfd state{tunnel.target, POLLIN, 0};
        if (::poll(&state, 1, 0) > 0 && !receive(tunnel.target, tunnel.toClient, room)) tunnel.targetEnded = true;
        const std::size_t count = tunnel.toClient.size() - before;
        tunnel.said += count;
        tunnel.allowance -= static_cast<double>(count);
        _fromTarget += count;
    }
    const bool alive = flush(tunnel.target, tunnel.toTarget) && flush(tunnel.client, tunnel.toClient);
    const bool cut = _mode == Mode::Cut && tunnel.said >= _figure && tunnel.toClient.empty();
    const bool ended =
        (tunnel.targetEnded && tunnel.toClient.empty()) || (tunnel.clientEnded && tunnel.toTarget.empty());
    if (alive && !cut && !ended) return true;
    close(tunnel, false);
    return false;
}

void FaultProxy::close(Tunnel& tunnel, bool reset) {
    const linger now{1, 0};
    if (reset) ::setsockopt(tunnel.client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    ::close(tunnel.client);
    ::close(tunnel.target);
}

} // namespace wasmproxy::test
