// SPDX-License-Identifier: Apache-2.0
#include "BlobDirectory.h"

#include "DirectoryReader.h"
#include "StorageError.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>

namespace wasmproxy::disk {

namespace {

constexpr const char* Ingest = "ingest";
constexpr const char* Lock = "lock";

std::string randomName() {
    std::uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != sizeof value) throw storageError("get", "random bytes", errno);
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
    return text.data();
}

std::string parentOf(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

Error unusable(const std::string& message, const std::string& hint) {
    return Error(ErrorCode::SettingsInvalid, "directory: " + message, hint);
}

} // namespace

BlobDirectory::BlobDirectory(const std::string& path) : _path(path) {
    while (_path.size() > 1 && _path.back() == '/')
        _path.pop_back();
    openRoot();
    lock();
    for (const char* name : {Ingest, "blobs", "blobs/sha256", "blobs/sha512"})
        makeDirectory(name);
    sync("blobs");
    sync(".");
}

void BlobDirectory::openRoot() {
    std::error_code ignored; // what could not be made shows itself in the next line
    std::filesystem::create_directories(parentOf(_path), ignored);
    const bool created = ::mkdir(_path.c_str(), 0700) == 0;
    if (!created && errno != EEXIST) {
        const int number = errno;
        if (number == ENOENT || number == ENOTDIR)
            throw unusable(parentOf(_path) + " is no directory and cannot be made one",
                           "create it, or correct `directory`");
        throw storageError("create", _path, number);
    }
    _root = FileDescriptor(::open(_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!_root) {
        const int number = errno;
        if (number == ENOTDIR || number == ENOENT)
            throw unusable(_path + " is not a directory", "remove the file, or set `directory` to another path");
        throw storageError("open", _path, number);
    }
    if (!created) return;
    const FileDescriptor parent(::open(parentOf(_path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent) ::fsync(parent.get()); // may be unreadable for us: then the directory is made again after a power cut
}

void BlobDirectory::lock() {
    _lock = FileDescriptor(::openat(_root.get(), Lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!_lock) throw storageError("write", absolute(Lock), errno);
    if (::flock(_lock.get(), LOCK_EX | LOCK_NB) != 0) {
        const int number = errno;
        if (number != EWOULDBLOCK) throw storageError("lock", absolute(Lock), number);
        std::array<char, 24> text{};
        const ssize_t got = ::pread(_lock.get(), text.data(), text.size() - 1, 0);
        const std::string pid(text.data(), got > 0 ? std::string(text.data()).find_last_not_of('\n') + 1 : 0);
        const bool known = !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos;
        const bool ourselves = known && pid == std::to_string(::getpid());
        throw Error(ErrorCode::StorageFault,
                    "directory: " + _path + " is already in use by " +
                        (ourselves ? "another cache of this process"
                         : known   ? "the process with pid " + pid
                                   : "another process"),
                    "stop that one first, or give each its own `directory`");
    }
    // The lock holds without the pid in it: a full disk must not keep what is cached from being served.
    const std::string pid = std::to_string(::getpid()) + "\n";
    const bool written = ::ftruncate(_lock.get(), 0) == 0 && ::pwrite(_lock.get(), pid.data(), pid.size(), 0) > 0;
    static_cast<void>(written);
}

std::string BlobDirectory::shardOf(const Digest& digest) {
    return "blobs/" + std::string(digest.algorithm()) + "/" + std::string(digest.hex().substr(0, 2));
}

std::string BlobDirectory::relative(const Digest& digest) {
    return shardOf(digest) + "/" + std::string(digest.hex());
}

std::string BlobDirectory::absolute(const std::string& name) const {
    return (_path == "/" ? "" : _path) + "/" + name;
}

bool BlobDirectory::makeDirectory(const std::string& name) {
    if (::mkdirat(_root.get(), name.c_str(), 0700) == 0) return true;
    const int number = errno;
    struct stat found {};
    if (number == EEXIST && ::fstatat(_root.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(found.st_mode))
        return false;
    throw storageError("create the directory", absolute(name), number);
}

void BlobDirectory::sync(const std::string& name) {
    const FileDescriptor folder(::openat(_root.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder || ::fsync(folder.get()) != 0) throw storageError("sync the directory", absolute(name), errno);
}

FileDescriptor BlobDirectory::createTemporary(std::string& name) {
    for (int attempt = 0;; ++attempt) {
        name = std::string(Ingest) + "/" + randomName();
        FileDescriptor file(
            ::openat(_root.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (file) return file;
        const int number = errno;
        if (attempt == 3 || (number != EEXIST && number != ENOENT))
            throw storageError("create", absolute(name), number);
        if (number == ENOENT) makeDirectory(Ingest); // an operator emptied the cache under the running proxy
    }
}

void BlobDirectory::makeShard(const Digest& digest) {
    const std::string shard = shardOf(digest);
    const std::lock_guard<std::mutex> guard(_mutex);
    if (_shards.count(shard)) return;
    // Synced even where it is there already: whoever made it may have crashed before its entry was durable.
    const std::string algorithm = "blobs/" + std::string(digest.algorithm());
    if (makeDirectory("blobs")) sync(".");
    if (makeDirectory(algorithm)) sync("blobs");
    makeDirectory(shard);
    sync(algorithm);
    _shards.insert(shard);
}

void BlobDirectory::forgetShards() {
    const std::lock_guard<std::mutex> guard(_mutex);
    _shards.clear();
}

void BlobDirectory::publish(const std::string& temporary, const Digest& digest) {
    const std::string target = relative(digest);
    makeShard(digest);
    int result = ::renameat(_root.get(), temporary.c_str(), _root.get(), target.c_str());
    if (result != 0 && errno == ENOENT) {
        forgetShards();
        makeShard(digest);
        result = ::renameat(_root.get(), temporary.c_str(), _root.get(), target.c_str());
    }
    if (result != 0) throw storageError("commit", absolute(target), errno);
    sync(shardOf(digest));
}

std::size_t BlobDirectory::sweep() {
    std::size_t removed = 0;
    for (DirectoryReader reader(_root.get(), Ingest, absolute(Ingest)); const auto name = reader.next();) {
        const std::string entry = std::string(Ingest) + "/" + *name;
        if (::unlinkat(_root.get(), entry.c_str(), 0) == 0)
            ++removed;
        else if (errno != ENOENT && errno != EISDIR)
            throw storageError("remove", absolute(entry), errno);
    }
    return removed;
}

} // namespace wasmproxy::disk
