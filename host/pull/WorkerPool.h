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
    std::size_t queued() const;
    /// Drops what is queued and joins the threads; tasks that run are finished first.
    void stop();

private:
    struct Task {
        std::string registry;
        std::function<void()> run;
    };
    void work();
    std::deque<Task>::iterator nextRunnable();

    const std::size_t _perRegistry;
    const std::size_t _queueBound;
    mutable std::mutex _mutex;
    std::condition_variable _wake;
    std::deque<Task> _queue;
    std::map<std::string, std::size_t> _running; // by registry
    bool _stopping = false;
    std::vector<std::thread> _threads;
};

} // namespace wasmproxy::host
