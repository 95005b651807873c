// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>

namespace wasmproxy::test {

/// A Kubernetes Service: a new connection goes to one of the endpoints that were ready when they were last probed. A
/// dead one is chosen until its next probe, and its refusal reaches the client, as with kube-proxy's rules; with none
/// ready, every connection is refused.
class Service {
public:
    struct Endpoint {
        int port = 0;
        int probePort = 0; ///< 0: never probed, always ready
        std::string probePath = {};
    };

    explicit Service(const std::deque<Endpoint>& endpoints);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    /// A port, or 0: none is ready. On one thread.
    int choose(std::minstd_rand& random) const;
    void probeNow(); ///< all of them, on the caller's thread

private:
    struct State {
        Endpoint endpoint;
        std::atomic<bool> ready{false};
    };
    void run();

    std::deque<State> _states;
    std::mutex _mutex;
    std::condition_variable _stop;
    bool _stopping = false;
    std::thread _thread;
};

} // namespace wasmproxy::test
