// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "IndexCopy.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace wasmproxy::host {

/// Writes the IndexCopy on a thread of its own: with many modules that takes a second, for which no commit waits.
class IndexCopier {
public:
    /// `delay`: after the first change that the copy lacks. `tables` outlives this.
    IndexCopier(const IndexTables& tables, const std::string& indexPath, std::chrono::milliseconds delay);
    ~IndexCopier(); ///< writes what the copy lacks

    void changed(); ///< the tables have

private:
    using Clock = std::chrono::steady_clock;

    void run();
    bool write() const noexcept;

    const IndexTables& _tables;
    const IndexCopy _copy;
    const std::chrono::milliseconds _delay;

    std::mutex _mutex;
    std::condition_variable _wake;
    std::optional<Clock::time_point> _due; // set: the copy lacks something
    bool _stopping = false;

    std::thread _thread; // last: uses all of the above
};

} // namespace wasmproxy::host
