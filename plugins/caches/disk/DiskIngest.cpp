// SPDX-License-Identifier: Apache-2.0
#include "DiskIngest.h"

#include "StorageError.h"

#include <cerrno>

namespace wasmproxy::disk {

DiskIngest::DiskIngest(std::shared_ptr<BlobDirectory> directory) : _directory(std::move(directory)) {
    _file = _directory->createTemporary(_name);
}

void DiskIngest::requireOpen(const char* doing) const {
    if (_file) return;
    throw Error(ErrorCode::StorageFault,
                std::string("cannot ") + doing + " an ingest that is committed or has failed before");
}

void DiskIngest::write(const char* bytes, std::size_t size) {
    requireOpen("write to");
    while (size > 0) {
        const ssize_t written = ::write(_file.get(), bytes, size);
        if (written < 0) {
            const int number = errno;
            if (number == EINTR) continue;
            // At once, not when the caller gets round to it: on a full disk the space is needed now.
            const std::string path = _directory->absolute(_name);
            discard();
            throw storageError("write", path, number);
        }
        bytes += written;
        size -= static_cast<std::size_t>(written);
    }
}

void DiskIngest::commit(const Digest& digest) {
    requireOpen("commit");
    if (digest.empty()) throw Error(ErrorCode::Internal, "commit needs a digest");
    try {
        // Before the name exists: after a power cut a blob is there whole or not at all.
        if (::fsync(_file.get()) != 0) throw storageError("sync", _directory->absolute(_name), errno);
        _directory->publish(_name, digest);
    } catch (...) {
        discard();
        throw;
    }
    _name.clear();
    _file.reset();
}

void DiskIngest::discard() noexcept {
    if (!_name.empty()) ::unlinkat(_directory->descriptor(), _name.c_str(), 0);
    _name.clear();
    _file.reset();
}

} // namespace wasmproxy::disk
