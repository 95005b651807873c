// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::host {

/// A fixed number of threads for work that blocks on a registry or a disk, and a bounded queue in front of them. At
/// most `perRegistry` tasks of one registry run at a time, so that a slow one cannot take every thread. Thread-safe.
class WorkerPool {
public:
    WorkerPool(std::size_t threads, std::size_t perRegistry, std::size_t queueBound);
    ~WorkerPool(); ///< stop()

    /// False: the queue is full, or stopping. `task` must not throw.
    bool post(const std::string& registry, std::function<void()> task);
    /// For what nobody waits for: it runs when nothing else can, on half of the threads and in half of a registry's
    /// places at most. False: too much of it is queued, or stopping.
    bool postWhenIdle(const std::string& registry, std::function<void()> task);
    std::size_t queued() const; ///< by post()
    /// Drops what is queued and joins the threads; tasks that run are finished first.
    void stop();

private:
    struct Task {
        std::string registry;
        std::function<void()> run;
        bool idle = false;
    };
    void work();
    bool take(Task& task);
    bool takeFrom(std::deque<Task>& queue, std::size_t perRegistry, Task& task);

    static constexpr std::size_t MostIdle = 1000; // each look for one that may run goes over them
    const std::size_t _idleThreads;
    const std::size_t _perRegistry;
    const std::size_t _queueBound;
    mutable std::mutex _mutex;
    std::condition_variable _wake;
    std::deque<Task> _queue;
    std::deque<Task> _idle;
    std::size_t _idleRunning = 0;
    std::map<std::string, std::size_t> _running; // by registry
    bool _stopping = false;
    std::vector<std::thread> _threads;
};

} // namespace wasmproxy::host
