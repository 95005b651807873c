// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/CallerAddress.h"
#include "dataplane/KnownRequests.h"
#include "pull/ModuleService.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::host {

class Connection;
struct Serving;

/// One thread and the connections it serves; nothing of a connection is touched by another thread. Shared only with
/// callbacks that the ModuleService holds, which may outlive the DataPlane.
class EventLoop : public std::enable_shared_from_this<EventLoop> {
public:
    using Clock = std::chrono::steady_clock;
    using Executor = boost::asio::io_context::executor_type;
    using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;

    explicit EventLoop(Serving& serving);
    ~EventLoop();

    void start();
    void join(); ///< after close(); not from the loop's own thread

    // Any thread.
    void adopt(int socket, const CallerAddress& address); ///< a counted, accepted connection
    void deliver(std::weak_ptr<Connection> connection, std::uint64_t request, ModuleResult result);
    void drain(); ///< returns once idle connections are told; not from the loop's own thread
    void close(); ///< cuts every connection, then lets the thread end

    // The loop's thread.
    void remove(Connection& connection) noexcept;
    bool draining() const noexcept { return _draining; }
    Serving& serving() noexcept { return _serving; }
    const std::string& date() const noexcept { return _date; } ///< `Date: …\r\n` of this second
    void watchBodies();                                        ///< a large body is on its way
    void park(std::shared_ptr<Connection> connection);         ///< its body waits for its turn
    KnownRequests& known() noexcept { return _known; }
    std::string& scratch() noexcept { return _scratch; } ///< for bytes that are sent before anything else runs

    std::string& bodyScratch() noexcept { return _bodyScratch; }

    boost::asio::io_context& context() noexcept { return _context; }

private:
    void run();
    void sweepLater();
    void sweep();
    void setDate();
    void lookAtBodies();
    void countParked();

    Serving& _serving;
    boost::asio::io_context _context{1};
    boost::asio::executor_work_guard<Executor> _work;
    Timer _sweepTimer;
    std::vector<std::shared_ptr<Connection>> _connections;
    std::string _date;
    std::string _scratch;
    std::string _bodyScratch;
    KnownRequests _known;
    Timer _bodyTimer;
    bool _watching = false;                        ///< _bodyTimer runs
    std::deque<std::weak_ptr<Connection>> _parked; // who came first goes first
    int _parkedCounted = 0;                        ///< as the metrics know it
    bool _draining = false;
    bool _closed = false;
    std::thread _thread;
};

} // namespace wasmproxy::host
