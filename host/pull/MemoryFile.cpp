// SPDX-License-Identifier: Apache-2.0
#include "pull/MemoryFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace wasmproxy::host {
namespace {

[[noreturn]] void fail(const char* what) {
    throw Error(ErrorCode::StorageFault, std::string(what) + ": " + std::strerror(errno));
}

} // namespace

MemoryFile::MemoryFile() : _fd(::memfd_create("module", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    if (_fd < 0) fail("memfd_create");
}

MemoryFile::~MemoryFile() {
    ::close(_fd);
}

void MemoryFile::append(const char* bytes, std::size_t size) {
    while (size > 0) {
        const auto count = ::write(_fd, bytes, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) fail("write to memfd");
        bytes += count;
        size -= static_cast<std::size_t>(count);
        _size += static_cast<std::uint64_t>(count);
    }
}

void MemoryFile::seal() {
    ::fcntl(_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

std::size_t MemoryFile::read(std::uint64_t offset, char* buffer, std::size_t size) {
    const auto count = ::pread(_fd, buffer, size, static_cast<off_t>(offset));
    if (count < 0) fail("read of memfd");
    return static_cast<std::size_t>(count);
}

} // namespace wasmproxy::host
