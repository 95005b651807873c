// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Secret.h"

#include <sys/stat.h>

#include <string>

namespace wasmproxy::file {

/// Which content a path leads to, as far as stat(2) can tell; links are followed, so that the swap of a Kubernetes
/// volume's `..data` is a change. Value type.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{};
    timespec changed{};
    mode_t mode = 0;

    bool operator==(const FileIdentity& other) const noexcept;
    bool operator!=(const FileIdentity& other) const noexcept { return !(*this == other); }
    /// False while the file is so young that another change could bear the same times. To be asked when it is read.
    bool settled() const noexcept;
    bool readableByOthers() const noexcept { return (mode & S_IROTH) != 0; }
};

/// A small file that holds a secret.
class SecretFile {
public:
    static constexpr std::size_t MaxBytes = 1u << 20;

    /// `path` as written by the operator under the key `key`; both are named in errors.
    SecretFile(std::string path, std::string key) : _path(std::move(path)), _key(std::move(key)) {}

    const std::string& path() const noexcept { return _path; }
    /// What is there now. Throws Error{CredentialSourceFault}.
    FileIdentity identity() const;
    /// The whole content and what it was read from. Throws Error{CredentialSourceFault}.
    Secret read(FileIdentity& identity) const;

private:
    [[noreturn]] void fail(const std::string& message, const std::string& hint) const;
    [[noreturn]] void failErrno(int number) const;

    std::string _path;
    std::string _key;
};

} // namespace wasmproxy::file
