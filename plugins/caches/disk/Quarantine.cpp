// SPDX-License-Identifier: Apache-2.0
#include "Quarantine.h"

#include "DirectoryReader.h"
#include "StorageError.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>

namespace wasmproxy::disk {

namespace {

constexpr const char* Folder = "quarantine";

std::string nameOf(const Digest& digest) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    std::array<char, 24> time{};
    std::snprintf(time.data(), time.size(), "%013lld",
                  static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
    return std::string(Folder) + "/" + time.data() + "-" + std::string(digest.algorithm()) + "-" +
           std::string(digest.hex());
}

} // namespace

Quarantine::Quarantine(std::shared_ptr<BlobDirectory> directory, std::uint64_t mostBytes)
    : _directory(std::move(directory)), _mostBytes(mostBytes) {
    trim();
}

bool Quarantine::take(const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto root = _directory->descriptor();
    const auto blob = BlobDirectory::relative(digest);
    struct stat found {};
    if (::fstatat(root, blob.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return false;
        throw storageError("read", _directory->absolute(blob), errno);
    }
    const bool fits = S_ISREG(found.st_mode) && static_cast<std::uint64_t>(found.st_size) <= _mostBytes;
    if (!fits || _mostBytes == 0) return unlink(blob);
    ::mkdirat(root, Folder, 0700); // it mostly is there; what cannot be made shows itself in the next line
    if (::renameat(root, blob.c_str(), root, nameOf(digest).c_str()) != 0) return unlink(blob); // a full disk, say
    trim();
    return true;
}

bool Quarantine::unlink(const std::string& name) {
    if (::unlinkat(_directory->descriptor(), name.c_str(), 0) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) return false;
    throw storageError("remove", _directory->absolute(name), errno);
}

void Quarantine::trim() {
    std::map<std::string, std::uint64_t> files; // oldest first
    std::uint64_t bytes = 0;
    DirectoryReader reader(_directory->descriptor(), Folder, _directory->absolute(Folder));
    while (const auto name = reader.next()) {
        struct stat found {};
        const auto path = std::string(Folder) + "/" + *name;
        if (::fstatat(_directory->descriptor(), path.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (!S_ISREG(found.st_mode)) continue; // not ours
        files.emplace(path, static_cast<std::uint64_t>(found.st_size));
        bytes += static_cast<std::uint64_t>(found.st_size);
    }
    while (!files.empty() && (files.size() > MostFiles || bytes > _mostBytes)) {
        unlink(files.begin()->first);
        bytes -= files.begin()->second;
        files.erase(files.begin());
    }
    _files = files.size();
    _bytes = bytes;
}

} // namespace wasmproxy::disk
