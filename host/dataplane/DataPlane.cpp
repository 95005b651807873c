// SPDX-License-Identifier: Apache-2.0
#include "dataplane/DataPlane.h"

#include "dataplane/Acceptor.h"
#include "dataplane/Serving.h"
#include "observe/Log.h"

#include <algorithm>
#include <sys/resource.h>

namespace wasmproxy::host {

namespace {

/// A quarter of the descriptors is for the rest of the process: hot modules, upstream connections, the index.
std::size_t affordable(std::size_t connections) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return connections;
    const auto bound = static_cast<std::size_t>(limit.rlim_cur) / 4 * 3;
    if (bound >= connections) return connections;
    log(LogLevel::Warning, "fewer connections than set, for want of file descriptors",
        {{"connections", std::to_string(bound)}, {"hint", "raise the limit of open files"}});
    return bound;
}

} // namespace

struct DataPlane::State {
    State(DataPlaneOptions options, ModuleService& modules, Metrics& metrics)
        : serving(std::move(options), affordable(options.connections), modules, metrics) {}

    Serving serving;
    std::vector<std::shared_ptr<EventLoop>> loops;
    std::unique_ptr<Acceptor> acceptor;
};

DataPlane::DataPlane(DataPlaneOptions options, ModuleService& modules, Metrics& metrics)
    : _state(std::make_unique<State>(std::move(options), modules, metrics)) {}

DataPlane::~DataPlane() {
    stop();
}

void DataPlane::start() {
    const unsigned wanted = _state->serving.options.threads;
    const unsigned threads = wanted != 0 ? wanted : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::shared_ptr<EventLoop>> loops;
    for (unsigned i = 0; i < threads; ++i)
        loops.push_back(std::make_shared<EventLoop>(_state->serving));
    _state->acceptor = std::make_unique<Acceptor>(_state->serving.options.listen, loops);
    _state->loops = std::move(loops);
    for (const auto& loop : _state->loops)
        loop->start();
    _state->acceptor->start();
}

std::uint16_t DataPlane::port() const {
    return _state->acceptor ? _state->acceptor->port() : 0;
}

void DataPlane::stopAccepting() {
    if (!_state->loops.empty()) _state->acceptor->stop();
}

bool DataPlane::drain(std::chrono::milliseconds limit) {
    stopAccepting();
    for (const auto& loop : _state->loops)
        loop->drain();
    return _state->serving.answers.waitForNone(limit);
}

void DataPlane::stop() {
    stopAccepting();
    for (const auto& loop : _state->loops)
        loop->close();
    for (const auto& loop : _state->loops)
        loop->join();
    // The acceptor's listener belongs to the first loop's context.
    _state->acceptor.reset();
    _state->loops.clear();
}

} // namespace wasmproxy::host
