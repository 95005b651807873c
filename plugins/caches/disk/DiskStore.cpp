// SPDX-License-Identifier: Apache-2.0
#include "DiskStore.h"

#include "DirectoryReader.h"
#include "DiskBlob.h"
#include "DiskIngest.h"
#include "StorageError.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace wasmproxy::disk {

namespace {

/// Why a file cannot be the blob of that name; "" if it can. The store keeps no sizes beside the files, but a file that
/// lost its bytes in a power cut is an empty one, and only one digest is the empty blob's.
std::string whyNotBlob(const struct stat& found, const Digest& digest) {
    if (!S_ISREG(found.st_mode)) return "is not a regular file";
    static const Digest emptySha256 = Digest::of("");
    if (found.st_size == 0 && digest.algorithm() == "sha256" && digest != emptySha256) return "has lost its content";
    return {};
}

} // namespace

DiskStore::DiskStore(HostServices& host, std::unique_ptr<DiskSettings> settings)
    : _host(host),
      _directory(std::make_shared<BlobDirectory>(settings->directory.get())),
      _quarantine(_directory, settings->quarantine.get()) {
    const std::size_t swept = _directory->sweep();
    if (swept > 0)
        _host.log(LogLevel::Information, "removed " + std::to_string(swept) +
                                             " unfinished ingest(s) of an earlier run from " + _directory->path());
    struct stat found {};
    if (::fstat(_directory->descriptor(), &found) == 0 && (found.st_mode & S_IWOTH) && !(found.st_mode & S_ISVTX))
        _host.log(LogLevel::Warning, _directory->path() + " is writable by every user; chmod o-w it");
}

void* DiskStore::ability(const char* id) noexcept {
    return std::strcmp(id, CacheQuarantine::Id) == 0 ? static_cast<CacheQuarantine*>(this) : nullptr;
}

bool DiskStore::quarantine(Call&, const Digest& digest) {
    return !digest.empty() && _quarantine.take(digest);
}

std::unique_ptr<Blob> DiskStore::open(Call&, const Digest& digest) {
    if (digest.empty()) return nullptr;
    const std::string name = BlobDirectory::relative(digest);
    const std::string path = _directory->absolute(name);
    // O_NONBLOCK: opening a FIFO that somebody put there must not hang.
    FileDescriptor file(
        ::openat(_directory->descriptor(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) {
        const int number = errno;
        if (number == ENOENT) return nullptr;
        if (number != ELOOP && number != ENOTDIR && number != ENXIO) throw storageError("open", path, number);
        _host.log(LogLevel::Warning, path + " is not a regular file; treated as absent");
        return nullptr;
    }
    struct stat found {};
    if (::fstat(file.get(), &found) != 0) throw storageError("read", path, errno);
    const std::string reason = whyNotBlob(found, digest);
    if (!reason.empty()) {
        _host.log(LogLevel::Warning, path + " " + reason + "; treated as absent");
        return nullptr;
    }
    return std::make_unique<DiskBlob>(std::move(file), static_cast<std::uint64_t>(found.st_size), path);
}

std::unique_ptr<Ingest> DiskStore::ingest(Call&, std::uint64_t) {
    return std::make_unique<DiskIngest>(_directory);
}

bool DiskStore::remove(Call&, const Digest& digest) {
    if (digest.empty()) return false;
    const std::string name = BlobDirectory::relative(digest);
    if (::unlinkat(_directory->descriptor(), name.c_str(), 0) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) return false;
    throw storageError("remove", _directory->absolute(name), errno);
}

void DiskStore::visit(Call& call, const std::function<void(const StoredBlob&)>& visitor) {
    for (const std::string algorithm : {"sha256", "sha512"}) {
        const std::string folder = "blobs/" + algorithm;
        DirectoryReader shards(_directory->descriptor(), folder, _directory->absolute(folder));
        while (const auto shard = shards.next()) {
            call.check("reading the cache's directory");
            visitShard(algorithm, folder + "/" + *shard, visitor);
        }
    }
}

void DiskStore::visitShard(const std::string& algorithm, const std::string& shard,
                           const std::function<void(const StoredBlob&)>& visitor) {
    DirectoryReader reader(_directory->descriptor(), shard, _directory->absolute(shard));
    while (const auto name = reader.next()) {
        const auto digest = Digest::tryParse(algorithm + ":" + *name);
        if (!digest || BlobDirectory::shardOf(*digest) != shard) continue;
        struct stat found {};
        const std::string relative = shard + "/" + *name;
        if (::fstatat(_directory->descriptor(), relative.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) continue; // removed meanwhile
            throw storageError("read", _directory->absolute(relative), errno);
        }
        if (whyNotBlob(found, *digest).empty()) visitor(StoredBlob{*digest, static_cast<std::uint64_t>(found.st_size)});
    }
}

} // namespace wasmproxy::disk
