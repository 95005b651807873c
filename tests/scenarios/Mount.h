// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Rig.h"

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>
#include <memory>
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

/// The proxy is started again with 1 MiB of disk for its cache, for as long as the result lives. nullptr where that
/// cannot be had, and says so.
inline std::unique_ptr<const Mount> smallDisk(Proxy& proxy) {
    CPPUNIT_ASSERT_EQUAL(0, proxy.terminate());
    auto small = std::make_unique<const Mount>("none", proxy.blobs(), "tmpfs", 0, "size=1m");
    if (!small->mounted) {
        std::cout << "SKIPPED: no tmpfs can be mounted here\n";
        return nullptr;
    }
    proxy.start();
    return small;
}

} // namespace wasmproxy::test
