// SPDX-License-Identifier: Apache-2.0
#include "loading/SealedCopy.h"

#include "wasmproxy/oci/Error.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <system_error>
#include <vector>

namespace wasmproxy::host {

namespace {

[[noreturn]] void fail(const std::string& file, const char* doing) {
    throw Error(ErrorCode::PluginFault, file + ": " + doing + ": " + std::generic_category().message(errno),
                "see that the process may use enough memory and descriptors");
}

OwnedFd memory(const std::string& file) {
    const auto name = file.substr(file.rfind('/') + 1).substr(0, 200); // seen in /proc/<pid>/maps
#ifndef MFD_NOEXEC_SEAL
    constexpr unsigned MFD_NOEXEC_SEAL = 8;
#endif
    // Mapped, never executed as a program: kernels with vm.memfd_noexec=2 demand that this is said; old ones know no
    // such flag.
    OwnedFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
    if (!fd && errno == EINVAL) fd = OwnedFd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) fail(file, "cannot get memory for a copy");
    return fd;
}

} // namespace

SealedCopy::SealedCopy(int source, const std::string& file) : _fd(memory(file)) {
    std::vector<char> buffer(1u << 20);
    std::uint64_t at = 0;
    for (;;) {
        const ssize_t got = ::pread(source, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(file, "cannot be read");
        if (got == 0) break;
        at += static_cast<std::uint64_t>(got);
        if (at > MaxSize) {
            throw Error(ErrorCode::PluginFault, file + " is larger than 256 MiB", "strip its debug information");
        }
        for (ssize_t done = 0; done < got;) {
            const ssize_t written = ::write(_fd.get(), buffer.data() + done, static_cast<std::size_t>(got - done));
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) fail(file, "cannot be copied into memory");
            done += written;
        }
    }
    if (::fcntl(_fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        fail(file, "its copy cannot be sealed");
    }
    if (at == 0) return;
    void* mapping = ::mmap(nullptr, at, PROT_READ, MAP_SHARED, _fd.get(), 0);
    if (mapping == MAP_FAILED) fail(file, "its copy cannot be mapped");
    _bytes = static_cast<const char*>(mapping);
    _size = at;
}

SealedCopy::~SealedCopy() {
    if (_bytes != nullptr) ::munmap(const_cast<char*>(_bytes), _size);
}

} // namespace wasmproxy::host
