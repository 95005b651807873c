// SPDX-License-Identifier: Apache-2.0
#include "pull/TimerQueue.h"

namespace wasmproxy::host {

TimerQueue::TimerQueue() : _thread([this] { work(); }) {}

TimerQueue::~TimerQueue() {
    stop();
}

void TimerQueue::at(Clock::time_point when, std::function<void()> run) {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_stopping) return;
    const bool first = _entries.empty() || when < _entries.begin()->first;
    _entries.emplace(when, std::move(run));
    if (first) _wake.notify_one();
}

void TimerQueue::stop() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
        _entries.clear();
    }
    _wake.notify_one();
    if (_thread.joinable()) _thread.join();
}

void TimerQueue::work() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (!_stopping) {
        if (_entries.empty()) {
            _wake.wait(lock);
            continue;
        }
        const auto first = _entries.begin();
        const auto when = first->first;
        if (Clock::now() < when) {
            _wake.wait_until(lock, when);
            continue;
        }
        auto run = std::move(first->second);
        _entries.erase(first);
        lock.unlock();
        run();
        run = nullptr;
        lock.lock();
    }
}

} // namespace wasmproxy::host
