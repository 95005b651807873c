// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Net/StreamSocket.h>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace wasmproxy::host {

/// Cuts connections whose time is up. Poco's timeouts are per call of recv, so that a client which sends a byte now and
/// then would hold a thread for ever. Owns the thread that watches. Thread-safe.
class OpenConnections {
public:
    using Clock = std::chrono::steady_clock;

    OpenConnections();
    ~OpenConnections(); ///< all Watched must be gone

    /// One connection, while it is served.
    class Watched {
    public:
        Watched(OpenConnections& owner, const Poco::Net::StreamSocket& socket, Clock::duration limit);
        ~Watched();
        Watched(const Watched&) = delete;
        Watched& operator=(const Watched&) = delete;
        void allow(Clock::duration limit); ///< from now on

    private:
        friend class OpenConnections;
        OpenConnections& _owner;
        Poco::Net::StreamSocket _socket;
        Clock::time_point _deadline;
        std::list<Watched*>::iterator _place;
    };

    void cutAll(); ///< these and all that come later

private:
    void watch();
    static void cut(Poco::Net::StreamSocket& socket) noexcept;

    std::mutex _mutex;
    std::condition_variable _changed;
    std::list<Watched*> _open;
    bool _cutting = false;
    bool _ended = false;
    std::thread _thread;
};

} // namespace wasmproxy::host
