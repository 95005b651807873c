// SPDX-License-Identifier: Apache-2.0
#include "Service.h"

#include "support/HttpClient.h"

#include <vector>

namespace wasmproxy::test {
namespace {

constexpr std::chrono::seconds ProbePeriod{1};
constexpr std::chrono::seconds ProbePatience{1};

} // namespace

Service::Service(const std::deque<Endpoint>& endpoints) {
    for (const auto& endpoint : endpoints) {
        _states.emplace_back();
        _states.back().endpoint = endpoint;
    }
    probeNow();
    _thread = std::thread([this] { run(); });
}

Service::~Service() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
    }
    _stop.notify_all();
    _thread.join();
}

int Service::choose(std::minstd_rand& random) const {
    std::vector<int> ports;
    for (const auto& state : _states)
        if (state.ready) ports.push_back(state.endpoint.port);
    if (ports.empty()) return 0;
    return ports[std::uniform_int_distribution<std::size_t>(0, ports.size() - 1)(random)];
}

void Service::probeNow() {
    for (auto& state : _states) {
        const auto& endpoint = state.endpoint;
        state.ready = endpoint.probePort == 0 ||
                      HttpClient(endpoint.probePort).get(endpoint.probePath, {}, ProbePatience).status == 200;
    }
}

void Service::run() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (!_stop.wait_for(lock, ProbePeriod, [this] { return _stopping; })) {
        lock.unlock();
        probeNow();
        lock.lock();
    }
}

} // namespace wasmproxy::test
