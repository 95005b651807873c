// SPDX-License-Identifier: Apache-2.0
#include "Content.h"

#include "wasmproxy/oci/Error.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace wasmproxy::memory {
namespace {

constexpr std::uint64_t Page = 4096;

[[noreturn]] void fail(const char* what) {
    const int number = errno;
    throw Error(ErrorCode::StorageFault,
                std::string("cannot ") + what + " memory: " + std::generic_category().message(number),
                number == EMFILE || number == ENFILE ? "raise the limit of open files"
                                                     : "give the process more memory, or lower max-bytes");
}

} // namespace

Content::~Content() {
    if (_file >= 0) ::close(_file);
    _budget->giveBack(_taken);
}

void Content::append(const char* bytes, std::size_t size) {
    grow(_size + size);
    if (_file < 0 && _size + size <= Small) {
        _bytes.append(bytes, size);
    } else {
        if (_file < 0) {
            _file = ::memfd_create("wasm-proxy cache", MFD_CLOEXEC | MFD_ALLOW_SEALING);
            if (_file < 0) fail("get");
            write(_bytes.data(), _bytes.size());
            std::string().swap(_bytes);
        }
        write(bytes, size);
    }
    _size += size;
}

void Content::grow(std::uint64_t size) {
    const auto needed = (size + Page - 1) / Page * Page;
    if (needed <= _taken) return;
    _budget->take(needed - _taken);
    _taken = needed;
}

void Content::write(const char* bytes, std::size_t size) {
    while (size > 0) {
        const auto count = ::write(_file, bytes, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) fail("write to");
        bytes += count;
        size -= static_cast<std::size_t>(count);
    }
}

void Content::seal() {
    grow(1); // the digest and its place count, too
    if (_file >= 0 && ::fcntl(_file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        fail("seal");
}

std::size_t Content::read(std::uint64_t offset, char* buffer, std::size_t size) const {
    if (offset >= _size) return 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, _size - offset));
    if (_file < 0) {
        std::memcpy(buffer, _bytes.data() + offset, wanted);
        return wanted;
    }
    ssize_t count = -1;
    do
        count = ::pread(_file, buffer, wanted, static_cast<off_t>(offset));
    while (count < 0 && errno == EINTR);
    if (count < 0) fail("read");
    return static_cast<std::size_t>(count);
}

} // namespace wasmproxy::memory
