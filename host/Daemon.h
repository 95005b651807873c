// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace wasmproxy::host {

/// Runs `child` in a process of its own session and returns in the parent once the child called its argument (it is
/// ready: 0) or ended before (its exit code). Must be called before any thread exists.
int daemonize(const std::function<int(const std::function<void()>& ready)>& child);

/// A file with this process's id, held locked while the object lives and removed with it. Throws Error{SettingsInvalid}
/// where another process holds it or it cannot be written.
class PidFile {
public:
    explicit PidFile(const std::string& path); ///< empty: none
    ~PidFile();
    PidFile(const PidFile&) = delete;
    PidFile& operator=(const PidFile&) = delete;

private:
    std::string _path;
    int _fd = -1;
};

} // namespace wasmproxy::host
