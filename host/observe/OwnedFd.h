// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>
#include <utility>

namespace wasmproxy::host {

/// Owns an open file descriptor, or -1.
class OwnedFd {
public:
    OwnedFd() = default;
    explicit OwnedFd(int fd) noexcept : _fd(fd) {}
    ~OwnedFd() { reset(); }
    OwnedFd(OwnedFd&& other) noexcept : _fd(std::exchange(other._fd, -1)) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        std::swap(_fd, other._fd);
        return *this;
    }

    int get() const noexcept { return _fd; }
    explicit operator bool() const noexcept { return _fd >= 0; }
    int release() noexcept { return std::exchange(_fd, -1); }
    void reset() noexcept {
        if (_fd >= 0) ::close(_fd);
        _fd = -1;
    }

private:
    int _fd = -1;
};

} // namespace wasmproxy::host
