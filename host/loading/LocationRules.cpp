// SPDX-License-Identifier: Apache-2.0
#include "loading/LocationRules.h"

#include "wasmproxy/oci/Error.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>

namespace wasmproxy::host {

namespace {

std::string reason(int error) {
    return std::generic_category().message(error);
}

std::string realPath(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    return real ? std::string(real.get()) : std::string();
}

bool onReadOnlyMount(int fd) {
    struct statvfs mount {};
    return ::fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

/// "" or who else may change what `fd` is; `path` names it.
std::string changeableBy(int fd, const std::string& path, bool checkOwner) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return path + " cannot be examined: " + reason(errno);
    if (onReadOnlyMount(fd)) return {};
    if (checkOwner && status.st_uid != 0 && status.st_uid != ::geteuid()) {
        return path + " is owned by user " + std::to_string(status.st_uid) +
               ", neither root nor the user of this process";
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return path + " is writable by its group or by others";
    return {};
}

std::string parentOf(const std::string& realPath) {
    const auto slash = realPath.rfind('/');
    return slash == 0 ? "/" : realPath.substr(0, slash);
}

constexpr const char* Hint = "chown it to root and chmod go-w it, or mount it read-only";

} // namespace

std::string LocationRules::brokenRule(const std::string& realDirectory) const {
    const OwnedFd self(::open(realDirectory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!self) return realDirectory + " cannot be opened: " + reason(errno);
    if (auto broken = changeableBy(self.get(), realDirectory, _checkOwner); !broken.empty()) return broken;
    for (std::string path = realDirectory; path != "/";) {
        path = parentOf(path);
        const OwnedFd parent(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        struct stat status {};
        if (!parent || ::fstat(parent.get(), &status) != 0) return path + " cannot be examined: " + reason(errno);
        if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0 && !onReadOnlyMount(parent.get())) {
            return path + ", a parent of " + realDirectory + ", is writable by others without the sticky bit";
        }
    }
    return {};
}

std::string LocationRules::directory(const std::string& path) const {
    const auto refuse = [](const std::string& why, const char* hint) {
        return Error(ErrorCode::SettingsInvalid, "plugins.directory: " + why, hint);
    };
    if (path.empty() || path[0] != '/') throw refuse("'" + path + "' is not an absolute path", "write it from / on");
    const auto real = realPath(path);
    if (real.empty()) throw refuse(path + ": " + reason(errno), "create it, or correct the path");
    struct stat status {};
    if (::stat(real.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        throw refuse(path + " is not a directory", "name the directory that the plugins are in");
    }
    if (const auto broken = brokenRule(real); !broken.empty()) throw refuse(broken, Hint);
    return real;
}

OwnedFd LocationRules::file(const std::string& path) const {
    const auto refuse = [](const std::string& why, const char* hint) {
        return Error(ErrorCode::PluginFault, why, hint);
    };
    const auto real = realPath(path);
    if (real.empty()) throw refuse(path + ": " + reason(errno), "remove it, or repair the link");
    if (const auto broken = brokenRule(parentOf(real)); !broken.empty()) throw refuse(broken, Hint);
    // What is judged is what was opened: a name that is exchanged meanwhile changes nothing.
    OwnedFd fd(::open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) throw refuse(path + " cannot be opened: " + reason(errno), "let the user of this process read it");
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        throw refuse(path + " is not a regular file",
                     "only shared libraries belong into the plugin directory; remove it");
    }
    if (const auto broken = changeableBy(fd.get(), real, _checkOwner); !broken.empty()) throw refuse(broken, Hint);
    return fd;
}

} // namespace wasmproxy::host
