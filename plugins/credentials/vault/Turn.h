// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Call.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace wasmproxy::vault {

/// A mutex for work that may take as long as a request: who waits gives up at the deadline of its own Call.
class Turn {
public:
    class Taken {
    public:
        explicit Taken(Turn& turn) : _turn(turn) {}
        ~Taken() {
            {
                const std::lock_guard<std::mutex> lock(_turn._mutex);
                _turn._taken = false;
            }
            _turn._free.notify_one();
        }
        Taken(const Taken&) = delete;
        Taken& operator=(const Taken&) = delete;

    private:
        Turn& _turn;
    };

    /// Throws Error{DeadlineExceeded}.
    Taken take(const Call& call, const char* doing) {
        std::unique_lock<std::mutex> lock(_mutex);
        while (_taken) {
            call.check(doing);
            // In slices, to notice a cancelled Call.
            _free.wait_for(lock, std::min(call.remaining(), std::chrono::milliseconds(200)));
        }
        _taken = true;
        return Taken(*this);
    }

private:
    std::mutex _mutex;
    std::condition_variable _free;
    bool _taken = false;
};

} // namespace wasmproxy::vault
