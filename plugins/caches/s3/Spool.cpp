// SPDX-License-Identifier: Apache-2.0
#include "Spool.h"

#include "wasmproxy/oci/Error.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace wasmproxy::s3 {

Spool::Spool(const std::string& directory, std::uint64_t limit)
    : _directory(directory),
      _limit(limit),
      _file(directory.empty() ? ::memfd_create("s3", MFD_CLOEXEC)
                              : ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
    if (_file < 0) fail("make a file", errno);
}

Spool::~Spool() {
    ::close(_file);
}

void Spool::fail(const char* doing, int number) const {
    throw Error(ErrorCode::StorageFault,
                std::string("cannot ") + doing + " in " +
                    (_directory.empty() ? "memory" : "spool-directory " + _directory) + ": " +
                    std::generic_category().message(number),
                number == ENOSPC ? "it needs room for a few contents at once" : "");
}

void Spool::append(const char* bytes, std::size_t size) {
    if (size > _limit - _size)
        throw Error(ErrorCode::StorageFault, "the content is larger than " + std::to_string(_limit) + " bytes",
                    "if it is meant to be kept in S3, raise max-size");
    while (size > 0) {
        const ssize_t count = ::pwrite(_file, bytes, size, static_cast<off_t>(_size));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("write", errno);
        bytes += count;
        size -= static_cast<std::size_t>(count);
        _size += static_cast<std::uint64_t>(count);
    }
}

std::size_t Spool::read(std::uint64_t offset, char* buffer, std::size_t size) const {
    if (offset >= _size) return 0; // also keeps offsets that off_t cannot hold away from pread
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, _size - offset));
    while (wanted > 0) {
        const ssize_t count = ::pread(_file, buffer, wanted, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("read", errno);
        if (count == 0) fail("read", EIO); // somebody cut it, which has no name
        return static_cast<std::size_t>(count);
    }
    return 0;
}

} // namespace wasmproxy::s3
