// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loading/FileIdentity.h"
#include "loading/PluginCheck.h"
#include "loading/PluginState.h"
#include "loading/SealedCopy.h"
#include "wasmproxy/oci/Digest.h"

#include <atomic>
#include <list>
#include <memory>
#include <thread>
#include <vector>

namespace wasmproxy::host {

/// A library after all that is done before its code runs here.
struct CheckedPlugin {
    std::string path;
    FileIdentity identity;            ///< of the file when it was begun
    PluginState state;                ///< file, and what its note says; `reason` is not empty: it is refused
    std::unique_ptr<SealedCopy> copy; ///< nullptr: there is none
    Digest digest;                    ///< of the copy
};

/// Copies libraries, reads their notes and has each opened by a child process: a few at once, on threads of its own, so
/// that one which hangs holds nobody up. One thread calls it.
class PluginChecks {
public:
    static constexpr std::size_t AtOnce = 4;

    PluginChecks(std::string program, std::chrono::milliseconds timeout, bool checkOwner);
    ~PluginChecks(); ///< kills the children and joins the threads

    void begin(const std::string& path, const std::string& file);
    bool has(const std::string& file) const; ///< begun and not taken
    bool idle() const noexcept { return _jobs.empty(); }
    /// Until all that run have had `time`; zero: they have had it, or there are none.
    std::chrono::milliseconds patience(std::chrono::milliseconds time) const;
    /// Those that have ended. `inOrder`: only where all that were begun before have been taken, too.
    std::vector<CheckedPlugin> take(bool inOrder);
    /// Readable when take() may have something.
    int descriptor() const noexcept { return _ended.get(); }

private:
    using Clock = std::chrono::steady_clock;
    struct Job {
        Clock::time_point begun = Clock::now();
        CheckedPlugin plugin;
        std::atomic<bool> done{false};
        std::thread thread;
    };
    void startSome();
    void check(CheckedPlugin& plugin) const;

    const bool _checkOwner;
    OwnedFd _ended;
    OwnedFd _stop;
    PluginCheck _check;
    std::list<Job> _jobs; // in the order of begin()
};

} // namespace wasmproxy::host
