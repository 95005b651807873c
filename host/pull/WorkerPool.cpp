// SPDX-License-Identifier: Apache-2.0
#include "pull/WorkerPool.h"

#include <algorithm>

namespace wasmproxy::host {

WorkerPool::WorkerPool(std::size_t threads, std::size_t perRegistry, std::size_t queueBound)
    : _perRegistry(perRegistry), _queueBound(queueBound) {
    for (std::size_t i = 0; i < threads; ++i)
        _threads.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
    stop();
}

bool WorkerPool::post(const std::string& registry, std::function<void()> task) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping || _queue.size() >= _queueBound) return false;
        _queue.push_back({registry, std::move(task)});
    }
    _wake.notify_one();
    return true;
}

std::size_t WorkerPool::queued() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _queue.size();
}

void WorkerPool::stop() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopping = true;
        _queue.clear();
    }
    _wake.notify_all();
    for (auto& thread : _threads)
        thread.join();
    _threads.clear();
}

std::deque<WorkerPool::Task>::iterator WorkerPool::nextRunnable() {
    return std::find_if(_queue.begin(), _queue.end(), [this](const Task& task) {
        const auto running = _running.find(task.registry);
        return running == _running.end() || running->second < _perRegistry;
    });
}

void WorkerPool::work() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (true) {
        auto next = _queue.end();
        _wake.wait(lock, [&] {
            next = nextRunnable();
            return _stopping || next != _queue.end();
        });
        if (_stopping) return;
        Task task = std::move(*next);
        _queue.erase(next);
        ++_running[task.registry];
        lock.unlock();
        task.run();
        task.run = nullptr; // what it holds is released outside the lock
        lock.lock();
        if (--_running[task.registry] == 0) _running.erase(task.registry);
        // A task of this registry may have been waiting for this place.
        _wake.notify_one();
    }
}

} // namespace wasmproxy::host
