// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/stat.h>
#include <tuple>

namespace wasmproxy::host {

/// Tells whether the file under a name is still the one that was looked at, unchanged.
using FileIdentity = std::tuple<dev_t, ino_t, off_t, time_t, long, time_t, long>;

inline FileIdentity identityOf(const std::string& path) {
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0) return {};
    return {s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
}

} // namespace wasmproxy::host
