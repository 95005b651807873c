// SPDX-License-Identifier: Apache-2.0
#include "IndexFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace wasmproxy::host {

namespace fs = std::filesystem;

namespace {

constexpr int MostSetAside = 10000;

bool canOpen(const std::string& path, int flags) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600);
    if (descriptor < 0) return false;
    ::close(descriptor);
    return true;
}

} // namespace

IndexFile::IndexFile(const std::string& path) : _path(fs::absolute(path).lexically_normal().string()) {}

IndexFile::Access IndexFile::open() const {
    const auto folder = fs::path(_path).parent_path();
    std::error_code error;
    fs::create_directories(folder, error); // what could not be made shows itself in the next line
    if (!fs::is_directory(folder, error))
        throw Error(ErrorCode::StorageFault,
                    "the index " + _path + " cannot be used: " + folder.string() + " is not a folder",
                    "create it, owned by the user that wasm-proxy runs as, or set another path");
    const auto status = fs::status(_path, error);
    if (fs::exists(status) && !fs::is_regular_file(status))
        throw Error(ErrorCode::StorageFault, "the index " + _path + " cannot be used: it is not a regular file",
                    "remove it or set another path");
    if (canOpen(_path, O_RDWR | O_CREAT)) return Access::ReadWrite;
    const int reason = errno;
    if (!fs::exists(status))
        throw IndexUnwritable("the index " + _path + " cannot be created: " + std::strerror(reason),
                              "make " + folder.string() +
                                  " writable for the user that wasm-proxy runs as, or set another path");
    return canOpen(_path, O_RDONLY) ? Access::ReadOnly : Access::None;
}

std::string IndexFile::setAside() const {
    for (int n = 1; n < MostSetAside; ++n) {
        const std::string target = _path + ".bad-" + std::to_string(n);
        std::error_code error;
        if (fs::exists(fs::symlink_status(target, error))) continue;
        fs::rename(_path, target, error);
        if (error)
            throw IndexUnwritable("the index " + _path + " is bad and cannot be moved to " + target + ": " +
                                      error.message(),
                                  "make its folder writable for the user that wasm-proxy runs as, or set another path");
        for (const char* suffix : {"-wal", "-shm"}) {
            fs::rename(_path + suffix, target + suffix, error);
            // What cannot be moved would be played into the new database.
            if (error) fs::remove(_path + suffix, error);
        }
        return target;
    }
    throw Error(ErrorCode::StorageFault, "the index " + _path + " is bad, and too many bad ones stand beside it",
                "remove " + _path + ".bad-*");
}

} // namespace wasmproxy::host
