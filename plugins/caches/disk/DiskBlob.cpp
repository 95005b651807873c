// SPDX-License-Identifier: Apache-2.0
#include "DiskBlob.h"

#include "StorageError.h"

#include <algorithm>
#include <cerrno>

namespace wasmproxy::disk {

std::size_t DiskBlob::read(std::uint64_t offset, char* buffer, std::size_t size) {
    if (offset >= _size) return 0; // also keeps offsets that off_t cannot hold away from pread
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, _size - offset));
    if (wanted == 0) return 0;
    for (;;) {
        const ssize_t got = ::pread(_file.get(), buffer, wanted, static_cast<off_t>(offset));
        if (got > 0) return static_cast<std::size_t>(got);
        if (got == 0)
            throw Error(ErrorCode::StorageFault,
                        _path + " is shorter than the " + std::to_string(_size) + " bytes it had when it was opened",
                        "something other than wasm-proxy writes to the cache's directory");
        if (errno != EINTR) throw storageError("read", _path, errno);
    }
}

} // namespace wasmproxy::disk
