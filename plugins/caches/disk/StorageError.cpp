// SPDX-License-Identifier: Apache-2.0
#include "StorageError.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace wasmproxy::disk {

namespace {

std::string hintFor(int number) {
    switch (number) {
    case ENOSPC:
        return "free space on that file system, or give the cache less of it";
    case EDQUOT:
        return "raise the disk quota of the service user, or give the cache less space";
    case EROFS:
        return "mount the file system writable, or set `directory` to a writable one";
    case EIO:
        return "the device reports an error: see the kernel's log";
    case EACCES:
    case EPERM:
        return "give it to the user the proxy runs as (uid " + std::to_string(::geteuid()) + ")";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files";
    default:
        return {};
    }
}

} // namespace

std::string errnoText(int number) {
    return std::generic_category().message(number);
}

Error storageError(const std::string& doing, const std::string& path, int number) {
    return Error(ErrorCode::StorageFault, "cannot " + doing + " " + path + ": " + errnoText(number), hintFor(number));
}

} // namespace wasmproxy::disk
