// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>
#include <string>
#include <sys/mount.h>

namespace wasmproxy::test {

/// Mounted for this process and those it starts, until it goes out of scope. Not everywhere may one mount: see
/// `mounted`.
struct Mount {
    Mount(const std::string& source, const std::string& target, const char* type, unsigned long flags, const char* data)
        : path(target), mounted(ownMounts() && ::mount(source.c_str(), target.c_str(), type, flags, data) == 0) {}
    ~Mount() {
        if (mounted) ::umount2(path.c_str(), MNT_DETACH);
    }
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;

    const std::string path;
    const bool mounted;

private:
    static bool ownMounts() {
        static const bool own =
            ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
        return own;
    }
};

} // namespace wasmproxy::test
