// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

namespace wasmproxy::host {

/// Tells by inotify that a directory should be looked at again, for a thread of its owner's that polls descriptor().
/// Follows a directory that is exchanged or only comes later. One thread.
class DirectoryWatch {
public:
    explicit DirectoryWatch(std::string directory);
    ~DirectoryWatch();
    DirectoryWatch(const DirectoryWatch&) = delete;
    DirectoryWatch& operator=(const DirectoryWatch&) = delete;

    /// Readable when something happened; -1: this system gives no watch, so it must be looked from time to time.
    int descriptor() const noexcept { return _notify; }
    /// Before each look, so that what changes during it is seen after it.
    void renew();
    /// Takes what happened; true: it is worth a look. A file that is being written is worth none before it is closed.
    bool take();
    /// Names of files that somebody has begun to write and not closed, unless nothing was written for ten seconds.
    std::set<std::string> beingWritten();

private:
    using Clock = std::chrono::steady_clock;

    const std::string _directory;
    int _notify = -1;
    int _watch = -1;
    int _parentWatch = -1;
    std::map<std::string, Clock::time_point> _written; // when last
};

} // namespace wasmproxy::host
