// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::test {

/// A TCP proxy on loopback that fails as told. A change holds for connections that are open, too, and is in force when
/// the call returns. One thread, joined by the destructor.
class FaultProxy {
public:
    explicit FaultProxy(int targetPort);
    ~FaultProxy();
    FaultProxy(const FaultProxy&) = delete;
    FaultProxy& operator=(const FaultProxy&) = delete;

    int port() const noexcept { return _port; }

    void pass();
    void refuse();                           ///< nobody listens; what is open is reset
    void blackHole();                        ///< connections are taken, and nothing moves any more
    void cutAfter(std::uint64_t bytes);      ///< each connection is closed once the target has said so much on it
    void slow(std::uint64_t bytesPerSecond); ///< how fast each connection brings what the target says

    int accepted() const noexcept { return _accepted; }
    std::uint64_t bytesFromTarget() const noexcept { return _fromTarget; }

private:
    enum class Mode { Pass, Refuse, BlackHole, Cut, Slow };
    struct Tunnel {
        int client = -1;
        int target = -1;
        std::string toClient;
        std::string toTarget;
        bool clientEnded = false;
        bool targetEnded = false;
        std::uint64_t said = 0; ///< by the target, since the mode changed
        double allowance = 0;   ///< bytes that a slow tunnel may bring now
    };

    void change(Mode mode, std::uint64_t figure);
    void listen();
    void run();
    void apply();
    void accept();
    bool step(Tunnel& tunnel); ///< false: it has ended
    std::size_t mayBring(const Tunnel& tunnel) const;
    void close(Tunnel& tunnel, bool reset);

    int _targetPort;
    int _port = 0;
    int _listener = -1;
    int _wake = -1;
    std::atomic<int> _accepted{0};
    std::atomic<std::uint64_t> _fromTarget{0};

    std::mutex _mutex;
    std::condition_variable _applied;
    Mode _wanted = Mode::Pass;
    std::uint64_t _wantedFigure = 0;
    std::uint64_t _changes = 0;
    std::uint64_t _seen = 0;
    bool _stopping = false;

    Mode _mode = Mode::Pass; ///< from here on the thread's own
    std::uint64_t _figure = 0;
    std::list<Tunnel> _tunnels;
    std::thread _thread;
};

} // namespace wasmproxy::test
