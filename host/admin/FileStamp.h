// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/stat.h>
#include <tuple>

namespace wasmproxy::host {

/// Tells whether a file is another one, or was written, since it was read. Follows links, as the volumes of Secrets
/// in Kubernetes change by one.
class FileStamp {
public:
    FileStamp() = default;
    explicit FileStamp(const std::string& path) {
        struct stat found {};
        if (path.empty() || ::stat(path.c_str(), &found) != 0) return;
        _values = {found.st_dev,          found.st_ino,         found.st_size,        found.st_mtim.tv_sec,
                   found.st_mtim.tv_nsec, found.st_ctim.tv_sec, found.st_ctim.tv_nsec};
    }

    bool operator==(const FileStamp& other) const { return _values == other._values; }
    bool operator!=(const FileStamp& other) const { return !(*this == other); }

private:
    std::tuple<dev_t, ino_t, off_t, time_t, long, time_t, long> _values{};
};

} // namespace wasmproxy::host
