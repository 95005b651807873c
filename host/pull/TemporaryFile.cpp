// SPDX-License-Identifier: Apache-2.0
#include "pull/TemporaryFile.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace wasmproxy::host {
namespace {

int openIn(const std::string& folder) {
    const int unnamed = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (unnamed >= 0) return unnamed;
    // Not every file system has files without names.
    std::string path = folder + "/.wasm-proxy-XXXXXX";
    const int named = ::mkostemp(path.data(), O_CLOEXEC);
    if (named < 0)
        throw Error(ErrorCode::StorageFault, "no temporary file can be made in " + folder + ": " + std::strerror(errno),
                    "set TMPDIR to a folder that may be written");
    ::unlink(path.c_str());
    return named;
}

} // namespace

TemporaryFile::TemporaryFile(const std::string& folder) : _descriptor(openIn(folder)) {}

TemporaryFile::~TemporaryFile() {
    ::close(_descriptor);
}

void TemporaryFile::append(const char* bytes, std::size_t size) {
    while (size > 0) {
        const auto count = ::pwrite(_descriptor, bytes, size, static_cast<off_t>(_size));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0)
            throw Error(ErrorCode::StorageFault,
                        std::string("a temporary file cannot be written: ") + std::strerror(errno),
                        "free space in the folder for temporary files");
        bytes += count;
        size -= static_cast<std::size_t>(count);
        _size += static_cast<std::uint64_t>(count);
    }
}

std::size_t TemporaryFile::read(std::uint64_t offset, char* buffer, std::size_t size) {
    while (true) {
        const auto count = ::pread(_descriptor, buffer, size, static_cast<off_t>(offset));
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR)
            throw Error(ErrorCode::StorageFault,
                        std::string("a temporary file cannot be read: ") + std::strerror(errno));
    }
}

} // namespace wasmproxy::host
