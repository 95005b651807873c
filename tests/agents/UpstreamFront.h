// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Loop.h"

#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <thread>

namespace wasmproxy::test {

/// The registry's address as all others know it: passes requests on to the registry, hands out tokens at /token, and
/// fails as told. Requests have no bodies and are not pipelined. One thread, joined by the destructor.
class UpstreamFront {
public:
    /// Answers a request for a token: status and body, given the target and the Authorization header.
    using Tokens =
        std::function<std::pair<int, std::string>(const std::string& target, const std::string& authorization)>;

    UpstreamFront(int port, int registryPort, Tokens tokens);
    ~UpstreamFront();
    UpstreamFront(const UpstreamFront&) = delete;
    UpstreamFront& operator=(const UpstreamFront&) = delete;

    int port() const noexcept { return _port; }
    // In force when the call returns, for open connections too.
    void pass();
    void refuse();                              ///< nobody listens; what is open is reset
    void limit(Loop::Clock::time_point until);  ///< 429 with the seconds that are left as Retry-After
    void delay(std::chrono::milliseconds each); ///< every request waits so long before it is passed on
    int requests() const noexcept { return _requests; }
    void forget() { _requests = 0; }

private:
    enum class Mode { Pass, Refuse, Limit, Delay };
    class Tunnel;
    class Door;
    friend class Tunnel;
    void change(Mode mode, std::chrono::milliseconds delay, Loop::Clock::time_point until);
    void listen();
    void accept();
    void end(Tunnel& tunnel);

    const int _port;
    const int _registryPort;
    const Tokens _tokens;
    std::atomic<int> _requests{0};
    Loop _loop;
    std::unique_ptr<Door> _door;
    std::list<std::unique_ptr<Tunnel>> _tunnels;
    Mode _mode = Mode::Pass;
    std::chrono::milliseconds _delay{0};
    Loop::Clock::time_point _until;
    std::thread _thread;
};

} // namespace wasmproxy::test
