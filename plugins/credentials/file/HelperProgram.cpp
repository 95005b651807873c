// SPDX-License-Identifier: Apache-2.0
#include "HelperProgram.h"

#include "wasmproxy/oci/Error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>

namespace wasmproxy::file {

namespace {

/// May every user put another file there? Not on a read-only mount, nor where only owners may replace theirs.
bool replaceableByAll(const std::string& directory) {
    struct stat found {};
    struct statvfs system {};
    if (::stat(directory.c_str(), &found) != 0 || ::statvfs(directory.c_str(), &system) != 0) return true;
    return (found.st_mode & S_IWOTH) != 0 && (found.st_mode & S_ISVTX) == 0 && (system.f_flag & ST_RDONLY) == 0;
}

std::string joined(const std::vector<std::string>& texts, const char* separator) {
    std::string result;
    for (const std::string& text : texts)
        result += (result.empty() ? "" : separator) + text;
    return result;
}

} // namespace

std::string findProgram(const std::vector<std::string>& directories, const std::string& name, const std::string& key) {
    for (const std::string& directory : directories) {
        const std::string path = directory + "/" + name;
        struct stat found {};
        if (::stat(path.c_str(), &found) != 0) continue;
        if (!S_ISREG(found.st_mode) || ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0)
            throw Error(ErrorCode::CredentialSourceFault,
                        path + " is no program that uid " + std::to_string(::geteuid()) + " may run", "chmod a+rx it");
        if ((found.st_mode & S_IWOTH) != 0 || replaceableByAll(directory))
            throw Error(ErrorCode::CredentialSourceFault, path + " could be replaced by every user; it is not run",
                        "chmod o-w it and its directory, or mount the directory read-only");
        return path;
    }
    throw Error(ErrorCode::CredentialSourceFault, name + " is not in " + joined(directories, ", "),
                "install it there, or correct `" + key + "`");
}

std::vector<std::string> helperEnvironment(const std::vector<std::string>& directories,
                                           const std::vector<std::string>& wanted) {
    std::vector<std::string> result{"PATH=" + joined(directories, ":")};
    std::vector<std::string> all{"HOME"};
    all.insert(all.end(), wanted.begin(), wanted.end());
    for (const std::string& entry : all) {
        if (entry.find('=') != std::string::npos) {
            result.push_back(entry);
        } else if (const char* value = std::getenv(entry.c_str())) {
            result.push_back(entry + "=" + value);
        }
    }
    return result;
}

} // namespace wasmproxy::file
