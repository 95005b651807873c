// SPDX-License-Identifier: Apache-2.0
#include "ConnectionPool.h"

#include "ServerFault.h"

namespace wasmproxy::redis {

ConnectionPool::Slot::Slot(ConnectionPool& pool, const Patience& patience) : _pool(pool) {
    std::unique_lock<std::mutex> lock(_pool._mutex);
    while (_pool._used >= _pool._most) {
        if (patience.over())
            throw ServerFault("all " + std::to_string(_pool._most) + " connections were busy",
                              "raise `connections`, or look for what makes the server slow",
                              ServerFault::Blame::Caller);
        _pool._freed.wait_for(lock, patience.slice());
    }
    ++_pool._used;
}

ConnectionPool::Slot::~Slot() {
    {
        const std::lock_guard<std::mutex> guard(_pool._mutex);
        --_pool._used;
    }
    _pool._freed.notify_one();
}

std::unique_ptr<Connection> ConnectionPool::Slot::kept(const std::string& stamp) {
    std::vector<std::unique_ptr<Connection>> useless; // closed outside the lock
    const std::lock_guard<std::mutex> guard(_pool._mutex);
    std::unique_ptr<Connection> found;
    while (!_pool._kept.empty() && !found) {
        auto last = std::move(_pool._kept.back());
        _pool._kept.pop_back();
        (last->stamp() == stamp && last->fresh() ? found : useless.emplace_back()) = std::move(last);
    }
    // The first was unused for longest: one look per use is enough to let go of those no longer needed.
    if (!_pool._kept.empty() && !_pool._kept.front()->fresh()) {
        useless.push_back(std::move(_pool._kept.front()));
        _pool._kept.erase(_pool._kept.begin());
    }
    return found;
}

void ConnectionPool::Slot::keep(std::unique_ptr<Connection> connection) {
    const std::lock_guard<std::mutex> guard(_pool._mutex);
    _pool._kept.push_back(std::move(connection));
}

void ConnectionPool::clear() {
    std::vector<std::unique_ptr<Connection>> useless;
    const std::lock_guard<std::mutex> guard(_mutex);
    useless.swap(_kept);
}

} // namespace wasmproxy::redis
