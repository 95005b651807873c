// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::test {

/// An HTTP proxy on loopback that knows CONNECT and nothing else. It resolves names itself, by its own table, and dials
/// nothing but loopback. Its threads are joined by the destructor, after their sockets have been shut down.
class ConnectProxy {
public:
    /// `hosts`: "registry.test:443" -> port of 127.0.0.1. What is not there is answered 403.
    explicit ConnectProxy(std::map<std::string, int> hosts);
    ~ConnectProxy();
    ConnectProxy(const ConnectProxy&) = delete;
    ConnectProxy& operator=(const ConnectProxy&) = delete;

    int port() const noexcept { return _port; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(_port); }

    void refuse(int status); ///< answers every CONNECT with it from now on; 0: opens tunnels again
    int tunnels() const;     ///< opened so far
    int refused() const;
    std::vector<std::string> heads() const; ///< of all requests, as they came

private:
    struct Tunnel {
        int client = -1;
        int target = -1;
        bool ended = false;
        std::thread thread;
    };

    void acceptAll();
    void serve(Tunnel& tunnel);
    int dial(const std::string& head);
    void reap(); ///< joins what has ended

    const std::map<std::string, int> _hosts;
    int _listener = -1;
    int _port = 0;
    mutable std::mutex _mutex;
    bool _stopping = false;
    int _status = 0;
    int _opened = 0;
    int _refused = 0;
    std::vector<std::string> _heads;
    std::list<Tunnel> _tunnels;
    std::thread _acceptor;
};

} // namespace wasmproxy::test
