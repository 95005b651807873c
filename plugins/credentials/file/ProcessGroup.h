// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>

namespace wasmproxy::file {

/// A child that leads a process group of its own; destroying it kills the whole group and reaps what is ours of it.
class ProcessGroup {
public:
    struct Ending {
        int status = -1; ///< exit status, or -1
        int signal = 0;  ///< that killed it, or 0
    };

    explicit ProcessGroup(pid_t leader);
    ~ProcessGroup();
    ProcessGroup(const ProcessGroup&) = delete;
    ProcessGroup& operator=(const ProcessGroup&) = delete;

    /// Becomes readable when the leader ends; -1: this kernel has none, ask ended() from time to time.
    int descriptor() const noexcept { return _descriptor; }
    /// nullopt: the leader still runs. It is not reaped, so that nobody else gets its number meanwhile.
    std::optional<Ending> ended() const noexcept;

private:
    const pid_t _leader;
    const int _descriptor;
};

} // namespace wasmproxy::file
