// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Certificate.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

struct ssl_st;
struct ssl_ctx_st;

namespace wasmproxy::test {

/// A server that does to each connection exactly what a test's script says. Scripts run on threads that the destructor
/// joins, after shutting their sockets down.
class ScriptedServer {
public:
    class Connection {
    public:
        int number = 0; ///< 1 for the first one accepted
        /// Head and, by its Content-Length, body; "" once the client has closed.
        std::string readRequest();
        std::string receive();                      ///< what has come, whatever it is; "" once the client has closed
        bool send(std::string_view bytes);          ///< false: the client has gone
        bool sleep(std::chrono::milliseconds time); ///< false: the server stops
        bool open() const;                          ///< false: the client has closed (or sent something new)
        void closeAbruptly();                       ///< without TLS's close_notify
        void reset();                               ///< RST instead of FIN

    private:
        friend class ScriptedServer;
        ScriptedServer* _server = nullptr;
        int _socket = -1;
        ssl_st* _tls = nullptr;
        bool _abrupt = false;
        std::string _unread;
        std::thread _thread;
    };
    using Script = std::function<void(Connection&)>;

    /// `certificate`: speaks TLS; `client`: wants a client certificate signed by it. `address`: of loopback.
    explicit ScriptedServer(Script script, const Certificate* certificate = nullptr,
                            const Certificate* client = nullptr, const std::string& address = "127.0.0.1",
                            int port = 0);
    ~ScriptedServer();

    int port() const noexcept { return _port; }
    int accepted() const noexcept { return _accepted; }
    std::string url(const std::string& path = "/", const std::string& host = "127.0.0.1") const;

    /// Answers every request on every connection with the same bytes.
    static Script always(std::string response);

private:
    void acceptAll();
    void serve(Connection& connection);

    Script _script;
    ssl_ctx_st* _context = nullptr;
    int _listener = -1;
    int _port = 0;
    std::atomic<int> _accepted{0};
    std::mutex _mutex;
    std::condition_variable _stopped;
    bool _stopping = false;
    std::list<Connection> _connections;
    std::thread _acceptor;
};

} // namespace wasmproxy::test
