// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Rig.h"

#include <atomic>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::test {

/// A thousand clients that ask, each again and again, for two hundred references with a password that is wrong.
class PasswordStorm {
public:
    static constexpr int Clients = 1000;
    static constexpr int References = 200;

    PasswordStorm(const Proxy& proxy, const std::string& registryHost, std::chrono::seconds time) {
        const auto end = std::chrono::steady_clock::now() + time;
        std::vector<std::thread> clients;
        for (int i = 0; i < Clients; ++i)
            clients.emplace_back([&, i] {
                for (int again = 0; std::chrono::steady_clock::now() < end; ++again) {
                    const auto name = std::to_string((i + again * 7) % References);
                    const auto answer = proxy.fetch(registryHost + "/team/m" + name + ":v1");
                    answer.status >= 500 ? ++refused : ++other;
                    // Who is turned away at once does not spin.
                    if (answer.seconds < 0.1) std::this_thread::sleep_for(std::chrono::milliseconds(100));
                }
            });
        for (auto& client : clients)
            client.join();
    }

    std::atomic<int> refused{0};
    std::atomic<int> other{0}; ///< answers that do not say that something is wrong
};

/// How often docker-registry said that a password was wrong: its own words, so that nothing else is counted.
inline int wrongPasswordsSeen(const DockerRegistry& registry) {
    int count = 0;
    const auto log = registry.log();
    for (auto at = log.find("error authenticating user"); at != std::string::npos;
         at = log.find("error authenticating user", at + 1))
        ++count;
    return count;
}

} // namespace wasmproxy::test
