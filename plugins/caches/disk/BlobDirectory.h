// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "FileDescriptor.h"
#include "wasmproxy/oci/Digest.h"

#include <mutex>
#include <set>
#include <string>

namespace wasmproxy::disk {

/// The directory on disk, locked against every other process for as long as this lives:
///
///     lock                          flock(2), holds the owner's pid
///     ingest/<random>               writes in progress
///     blobs/sha256/ab/ab12…         what was committed
///     quarantine/<time>-sha256-…    what was found damaged
///
/// Names are resolved from descriptors, so that moving the directory under a running proxy is harmless. Thread-safe.
class BlobDirectory {
public:
    /// Creates what is missing. Throws Error{SettingsInvalid} where `path` is not a usable directory, StorageFault
    /// where the system refuses or another process has it.
    explicit BlobDirectory(const std::string& path);

    const std::string& path() const noexcept { return _path; }
    int descriptor() const noexcept { return _root.get(); }

    static std::string shardOf(const Digest& digest);    ///< "blobs/sha256/ab"
    static std::string relative(const Digest& digest);   ///< "blobs/sha256/ab/ab12…"
    std::string absolute(const std::string& name) const; ///< for messages

    /// A new empty file in ingest/, open for writing; its name relative to path() goes to `name`.
    FileDescriptor createTemporary(std::string& name);
    /// Renames `temporary` (written and synced) to the digest's place and makes that durable.
    void publish(const std::string& temporary, const Digest& digest);
    /// Removes what an earlier process left in ingest/; returns how many files that were.
    std::size_t sweep();

private:
    void openRoot();
    void lock();
    bool makeDirectory(const std::string& name);
    void sync(const std::string& name);
    void makeShard(const Digest& digest);
    void forgetShards();

    std::string _path;
    FileDescriptor _root;
    FileDescriptor _lock;
    std::mutex _mutex;
    std::set<std::string> _shards; ///< those whose entry in their parent is known to be durable
};

} // namespace wasmproxy::disk
