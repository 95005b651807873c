// SPDX-License-Identifier: Apache-2.0
#include "ProcessGroup.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

namespace wasmproxy::file {

namespace {

/// How long a killed group is waited for. It takes far less, unless the kernel holds one of it in a dead file system.
constexpr std::chrono::seconds ReapTime{1};

} // namespace

// pidfd_open() sets close-on-exec.
ProcessGroup::ProcessGroup(pid_t leader)
    : _leader(leader), _descriptor(static_cast<int>(::syscall(SYS_pidfd_open, leader, 0))) {}

ProcessGroup::~ProcessGroup() {
    ::kill(-_leader, SIGKILL);
    // Of the leader's children only those come to us whose reaper we are: as process 1 of a container, for one.
    const auto until = std::chrono::steady_clock::now() + ReapTime;
    while (true) {
        siginfo_t found{};
        const int failed = ::waitid(P_PGID, static_cast<id_t>(_leader), &found, WEXITED | WNOHANG);
        if (failed && errno == EINTR) continue;
        if (failed) break; // none is left
        if (found.si_pid != 0) continue;
        if (std::chrono::steady_clock::now() >= until) break;
        ::poll(nullptr, 0, 1);
    }
    if (_descriptor >= 0) ::close(_descriptor);
}

std::optional<ProcessGroup::Ending> ProcessGroup::ended() const noexcept {
    siginfo_t found{};
    if (::waitid(P_PID, static_cast<id_t>(_leader), &found, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == EINTR ? std::nullopt : std::optional<Ending>(Ending{});
    if (found.si_pid == 0) return std::nullopt;
    if (found.si_code == CLD_EXITED) return Ending{found.si_status, 0};
    return Ending{-1, found.si_status};
}

} // namespace wasmproxy::file
