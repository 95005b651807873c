// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loading/PluginCatalog.h"
#include "observe/DirectoryWatch.h"
#include "observe/OwnedFd.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace wasmproxy::host {

/// Has the catalog look at its directory whenever something changes there, and every `rescan` for what no event told.
/// Every change of a library's state is a line in the log. Owns the thread that libraries are opened on.
class PluginDirectoryWatch {
public:
    /// `onOpened` is called on that thread when there are components that were not there before: there may be settings
    /// that can be met now. It may call find(), factories() and plugins(). The catalog outlives this.
    PluginDirectoryWatch(PluginCatalog& catalog, std::function<void()> onOpened,
                         std::chrono::milliseconds rescan = std::chrono::seconds(30));
    ~PluginDirectoryWatch(); ///< stop()

    /// Ends and joins its thread, after `onOpened` has returned; a check in progress goes on and is not waited for.
    void stop();
    /// Looks at once, and again at what was refused. True: all is known, and `onOpened` has returned; false: not within
    /// `patience`, or it was stopped. Thread-safe.
    bool rescan(std::chrono::milliseconds patience);

    /// One line in the log.
    static void report(const PluginState& state);

private:
    void run();
    bool wait(); ///< for a reason to look; false: it ends
    void look();

    PluginCatalog& _catalog;
    const std::function<void()> _onOpened;
    const std::chrono::milliseconds _rescan;
    DirectoryWatch _directory;
    OwnedFd _stop;
    OwnedFd _wake;
    std::string _problem; // that was logged
    std::mutex _mutex;
    std::condition_variable _looked;
    std::uint64_t _asked = 0;    // rescans
    std::uint64_t _begun = 0;    // of them
    std::uint64_t _answered = 0; // of them
    bool _stopped = false;
    std::thread _thread;
};

} // namespace wasmproxy::host
