// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace wasmproxy::host {

/// Counts requests that were read and whose answer is not sent yet, so that a drain can wait for them. Thread-safe; one
/// atomic add each way while nobody waits.
class AnswersInProgress {
public:
    void begin() noexcept { ++_count; }

    void end() noexcept {
        if (--_count == 0 && _awaited) {
            const std::lock_guard<std::mutex> lock(_mutex);
            _none.notify_all();
        }
    }

    /// False: there were still some after `limit`.
    bool waitForNone(std::chrono::milliseconds limit) {
        std::unique_lock<std::mutex> lock(_mutex);
        _awaited = true;
        return _none.wait_for(lock, limit, [this] { return _count == 0; });
    }

private:
    std::atomic<long> _count{0};
    std::atomic<bool> _awaited{false};
    std::mutex _mutex;
    std::condition_variable _none;
};

} // namespace wasmproxy::host
