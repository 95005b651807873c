// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Rig.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::test {

/// Clients that push and fetch one new module after the other, each as a miss and as a hit, until they are stopped.
class ColdLoad {
public:
    ColdLoad(const PrivateRegistry& upstream, const Proxy& proxy) : _upstream(upstream), _proxy(proxy) {
        for (int i = 0; i < 4; ++i)
            _clients.emplace_back([this, i] { run(i); });
    }
    ~ColdLoad() { stop(); }

    void stop() {
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            _stopping = true;
        }
        for (auto& client : _clients)
            client.join();
        _clients.clear();
    }
    /// Until so many more modules have come cold and warm; false: a failure, or the time is over.
    bool serves(int modules) {
        std::unique_lock<std::mutex> lock(_mutex);
        const int wanted = _served + modules;
        return _changed.wait_for(lock, std::chrono::seconds(30), [&] {
            return _served >= wanted || !_failures.empty();
        }) && _failures.empty();
    }
    int served() const { return _served; } ///< once stopped
    const std::string& failures() const { return _failures; }

private:
    void run(int client) {
        for (int i = 0;; ++i) {
            const auto tag = std::to_string(client) + "-" + std::to_string(i);
            const auto failure = step("team/load:" + tag, uniqueModule(tag, 40000));
            const std::lock_guard<std::mutex> lock(_mutex);
            failure.empty() ? void(++_served) : void(_failures += failure + "\n");
            _changed.notify_all();
            if (_stopping || !failure.empty()) return;
        }
    }

    std::string step(const std::string& name, const std::string& module) const {
        try {
            auto image = istioArtifact(module);
            // docker-registry loses a blob for a moment where two clients push it at once.
            image.config = image.layers[0].bytes = R"({"type":"envoy_proxy","name":")" + name + "\"}";
            _upstream.put(name, image);
        } catch (const std::exception& failure) {
            return failure.what();
        }
        for (const char* cache : {"MISS", "HIT"}) {
            const auto answer = _proxy.fetch(_upstream.registry.host() + "/" + name);
            if (answer.status != 200 || answer.cut || answer.body != module || answer.header("X-Cache") != cache)
                return name + " as a " + cache + ": " + std::to_string(answer.status) + " " + answer.error + " " +
                       answer.header("X-Cache") + " " + std::to_string(answer.body.size()) + " bytes";
        }
        return {};
    }

    const PrivateRegistry& _upstream;
    const Proxy& _proxy;
    std::mutex _mutex;
    std::condition_variable _changed;
    bool _stopping = false;
    int _served = 0;
    std::string _failures;
    std::vector<std::thread> _clients;
};

} // namespace wasmproxy::test
