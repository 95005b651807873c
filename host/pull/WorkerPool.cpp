// SPDX-License-Identifier: Apache-2.0
#include "pull/WorkerPool.h"

#include <algorithm>

namespace wasmproxy::host {

WorkerPool::WorkerPool(std::size_t threads, std::size_t perRegistry, std::size_t queueBound)
    : _idleThreads(std::max<std::size_t>(threads / 2, 1)), _perRegistry(perRegistry), _queueBound(queueBound) {
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

bool WorkerPool::postWhenIdle(const std::string& registry, std::function<void()> task) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_stopping || _idle.size() >= MostIdle) return false;
        _idle.push_back({registry, std::move(task), true});
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
        _idle.clear();
    }
    _wake.notify_all();
    for (auto& thread : _threads)
        thread.join();
    _threads.clear();
}

bool WorkerPool::takeFrom(std::deque<Task>& queue, std::size_t perRegistry, Task& task) {
    const auto next = std::find_if(queue.begin(), queue.end(), [&](const Task& each) {
        const auto running = _running.find(each.registry);
        return running == _running.end() || running->second < perRegistry;
    });
    if (next == queue.end()) return false;
    task = std::move(*next);
    queue.erase(next);
    return true;
}

bool WorkerPool::take(Task& task) {
    if (takeFrom(_queue, _perRegistry, task)) return true;
    return _idleRunning < _idleThreads && takeFrom(_idle, std::max<std::size_t>(_perRegistry / 2, 1), task);
}

void WorkerPool::work() {
    std::unique_lock<std::mutex> lock(_mutex);
    while (true) {
        Task task;
        _wake.wait(lock, [&] { return _stopping || take(task); });
        if (_stopping) return;
        ++_running[task.registry];
        if (task.idle) ++_idleRunning;
        lock.unlock();
        task.run();
        task.run = nullptr; // what it holds is released outside the lock
        lock.lock();
        if (--_running[task.registry] == 0) _running.erase(task.registry);
        if (task.idle) --_idleRunning;
        // A task of this registry may have been waiting for this place.
        _wake.notify_one();
    }
}

} // namespace wasmproxy::host
