// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Connection.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace wasmproxy::redis {

/// At most so many connections; those not in use are kept. Thread-safe.
class ConnectionPool {
public:
    explicit ConnectionPool(std::size_t most) : _most(most) {}

    /// The right to one connection while it lives.
    class Slot {
    public:
        /// Waits for a free one. Throws ServerFault, which nobody is to blame for.
        Slot(ConnectionPool& pool, const Patience& patience);
        ~Slot();
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;

        /// One that was kept and is still good, made from `stamp`; nullptr: make one.
        std::unique_ptr<Connection> kept(const std::string& stamp);
        void keep(std::unique_ptr<Connection> connection); ///< for the next one

    private:
        ConnectionPool& _pool;
    };

    void clear(); ///< forgets those that are not in use

private:
    const std::size_t _most;
    std::mutex _mutex;
    std::condition_variable _freed;
    std::size_t _used = 0;
    std::vector<std::unique_ptr<Connection>> _kept; ///< the last one used at the end
};

} // namespace wasmproxy::redis
