// SPDX-License-Identifier: Apache-2.0
#include "dataplane/EventLoop.h"

#include "dataplane/Connection.h"
#include "dataplane/Serving.h"
#include "observe/Log.h"
#include "observe/Metrics.h"

#include <boost/asio/post.hpp>
#include <csignal>
#include <ctime>
#include <future>
#include <unistd.h>

namespace wasmproxy::host {

EventLoop::EventLoop(Serving& serving)
    : _serving(serving), _work(_context.get_executor()), _sweepTimer(_context), _bodyTimer(_context) {
    setDate();
}

EventLoop::~EventLoop() {
    if (!_thread.joinable()) return;
    close();
    join();
}

void EventLoop::start() {
    sweepLater();
    _thread = std::thread([this] { run(); });
}

void EventLoop::join() {
    if (_thread.joinable()) _thread.join();
}

void EventLoop::run() {
    // sendfile(2) has no MSG_NOSIGNAL.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    while (true) {
        try {
            _context.run();
            return;
        } catch (const std::exception& e) {
            log(LogLevel::Error, "event loop went on after an exception", {{"cause", e.what()}});
        }
    }
}

void EventLoop::adopt(int socket, const CallerAddress& address) {
    boost::asio::post(_context, [this, socket, address] {
        if (_closed || _draining) {
            ::close(socket);
            _serving.limits.release(address);
            return;
        }
        _connections.emplace_back();
        try {
            _connections.back() = std::make_shared<Connection>(*this, socket, address);
        } catch (const std::exception& e) {
            log(LogLevel::Warning, "a connection was dropped", {{"caller", address.str()}, {"cause", e.what()}});
            _connections.pop_back();
            ::close(socket);
            _serving.limits.release(address);
            return;
        }
        const auto connection = _connections.back();
        connection->slot = _connections.size() - 1;
        _serving.metrics.connectionOpened();
        connection->start();
    });
}

void EventLoop::remove(Connection& connection) noexcept {
    const std::size_t slot = connection.slot;
    _connections.back()->slot = slot;
    std::swap(_connections[slot], _connections.back());
    _serving.limits.release(connection.address());
    _serving.metrics.connectionClosed();
    _connections.pop_back();
}

void EventLoop::deliver(std::weak_ptr<Connection> connection, std::uint64_t request, ModuleResult result) {
    if (_context.get_executor().running_in_this_thread()) {
        if (const auto here = connection.lock()) here->answered(request, std::move(result));
        return;
    }
    boost::asio::post(_context, [connection = std::move(connection), request, result = std::move(result)]() mutable {
        if (const auto here = connection.lock()) here->answered(request, std::move(result));
    });
}

void EventLoop::drain() {
    std::promise<void> told;
    boost::asio::post(_context, [this, &told] {
        _draining = true;
        for (std::size_t i = _connections.size(); i-- > 0;) {
            const auto connection = _connections[i];
            connection->beginDrain();
        }
        told.set_value();
    });
    told.get_future().wait();
}

void EventLoop::close() {
    boost::asio::post(_context, [this] {
        _closed = true;
        _sweepTimer.cancel();
        _bodyTimer.cancel();
        while (!_connections.empty()) {
            const auto connection = _connections.back();
            connection->close();
        }
        _work.reset();
    });
}

void EventLoop::sweepLater() {
    _sweepTimer.expires_after(std::chrono::seconds(1));
    _sweepTimer.async_wait([this](const boost::system::error_code& ec) {
        if (ec || _closed) return;
        sweep();
        sweepLater();
    });
}

void EventLoop::sweep() {
    setDate();
    _known.forgetBefore(std::chrono::system_clock::now());
    const auto now = Clock::now();
    // Backwards: removal moves the last connection, which was seen already, into the gap.
    for (std::size_t i = _connections.size(); i-- > 0;) {
        if (i >= _connections.size()) continue;
        const auto connection = _connections[i];
        connection->sweep(now);
    }
}

void EventLoop::park(std::shared_ptr<Connection> connection) {
    _parked.push_back(connection);
    countParked();
    watchBodies();
}

void EventLoop::countParked() {
    const int now = static_cast<int>(_parked.size());
    _serving.metrics.bodiesWaiting(now - _parkedCounted);
    _parkedCounted = now;
}

void EventLoop::watchBodies() {
    if (_watching || _closed) return;
    _watching = true;
    _bodyTimer.expires_after(BodyAdmission::Interval);
    _bodyTimer.async_wait([this](const boost::system::error_code& ec) {
        _watching = false;
        if (ec || _closed) return;
        lookAtBodies();
    });
}

void EventLoop::lookAtBodies() {
    const auto now = Clock::now();
    bool some = false;
    for (const auto& connection : _connections)
        some = connection->lookAtBody(now) || some;
    _serving.bodies.measure(now);
    bool full = false; // then only those who have waited long enough are told
    std::deque<std::weak_ptr<Connection>> parked;
    parked.swap(_parked);
    for (auto& weak : parked) {
        const auto connection = weak.lock();
        if (connection && connection->staysParked(now, full)) _parked.push_back(std::move(weak));
    }
    countParked();
    if (some || !_parked.empty()) watchBodies();
}

void EventLoop::setDate() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    static constexpr const char* Days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* Months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char rest[48];
    std::strftime(rest, sizeof rest, " %Y %H:%M:%S GMT\r\n", &parts);
    const std::string day = (parts.tm_mday < 10 ? "0" : "") + std::to_string(parts.tm_mday);
    _date = std::string("Date: ") + Days[parts.tm_wday] + ", " + day + " " + Months[parts.tm_mon] + rest;
}

} // namespace wasmproxy::host
