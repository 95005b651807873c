// SPDX-License-Identifier: Apache-2.0
#include "DirectoryReader.h"

#include "FileDescriptor.h"
#include "StorageError.h"

#include <fcntl.h>

#include <cerrno>
#include <string_view>

namespace wasmproxy::disk {

DirectoryReader::DirectoryReader(int root, const std::string& name, std::string path) : _path(std::move(path)) {
    FileDescriptor folder(::openat(root, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder) {
        // A file or a link among the shards is not ours: there is nothing in it.
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;
        throw storageError("read the directory", _path, errno);
    }
    _stream = ::fdopendir(folder.get());
    if (!_stream) throw storageError("read the directory", _path, errno);
    folder.release(); // closedir closes it
}

DirectoryReader::~DirectoryReader() {
    if (_stream) ::closedir(_stream);
}

std::optional<std::string> DirectoryReader::next() {
    while (_stream) {
        errno = 0;
        const dirent* entry = ::readdir(_stream);
        if (!entry) {
            if (errno != 0) throw storageError("read the directory", _path, errno);
            return std::nullopt;
        }
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") return std::string(name);
    }
    return std::nullopt;
}

} // namespace wasmproxy::disk
