// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <utility>

namespace wasmproxy::disk {

/// Owns one file descriptor.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int number) noexcept : _number(number) {}
    ~FileDescriptor() { reset(); }
    FileDescriptor(FileDescriptor&& other) noexcept : _number(std::exchange(other._number, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        if (this != &other) {
            reset();
            _number = std::exchange(other._number, -1);
        }
        return *this;
    }

    explicit operator bool() const noexcept { return _number >= 0; }
    int get() const noexcept { return _number; }
    int release() noexcept { return std::exchange(_number, -1); }
    void reset() noexcept {
        if (_number >= 0) ::close(_number);
        _number = -1;
    }

private:
    int _number = -1;
};

} // namespace wasmproxy::disk
