// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionFiles.h"

#include "extensions/ExtensionReader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

bool endsWith(const std::string& name, const char* ending) {
    const std::size_t size = std::strlen(ending);
    return name.size() > size && name.compare(name.size() - size, size, ending) == 0;
}

/// The bytes of a regular file, one more than the limit at most; else what is wrong.
std::string readFile(const std::string& path, std::string& problem) {
    // Nonblocking: a pipe of that name must not hold the reader.
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        problem = std::string("cannot be opened: ") + std::strerror(errno);
        return {};
    }
    std::string bytes;
    struct stat status {};
    if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        problem = "is not a file";
    } else {
        bytes.resize(MaxExtensionFile + 1);
        std::size_t size = 0;
        ssize_t count = 1;
        while (count > 0 && size < bytes.size()) {
            count = ::read(file, &bytes[size], bytes.size() - size);
            if (count > 0) size += static_cast<std::size_t>(count);
        }
        if (count < 0) problem = std::string("cannot be read: ") + std::strerror(errno);
        bytes.resize(size);
    }
    ::close(file);
    return bytes;
}

} // namespace

ExtensionFiles::Content ExtensionFiles::read(const std::string& directory) {
    Content content;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), &::closedir);
    if (!open) {
        content.absent = errno == ENOENT || errno == ENOTDIR;
        content.problem = std::string("cannot be opened: ") + std::strerror(errno);
        return content;
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(open.get())) {
        const std::string name = entry->d_name;
        if (name.front() != '.' && (endsWith(name, ".yaml") || endsWith(name, ".yml") || endsWith(name, ".json")))
            names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    std::map<std::string, Known> known;
    for (std::size_t i = 0; i < std::min(names.size(), MostFiles); ++i) {
        const auto path = directory + (directory.back() == '/' ? "" : "/") + names[i];
        std::string problem;
        const auto bytes = readFile(path, problem);
        if (!problem.empty()) {
            content.documents.push_back({{}, path, nullptr, {{"", problem}}});
            continue;
        }
        auto digest = Digest::of(bytes);
        auto before = _known.find(path);
        if (before == _known.end() || before->second.bytes != digest) {
            const auto format = endsWith(path, ".json") ? DocumentFormat::Json : DocumentFormat::Yaml;
            before = _known.insert_or_assign(path, Known{std::move(digest), readExtensions(bytes, format, path)}).first;
        }
        content.documents.insert(content.documents.end(), before->second.documents.begin(),
                                 before->second.documents.end());
        known.emplace(path, std::move(before->second));
    }
    _known = std::move(known);
    if (names.size() > MostFiles)
        content.documents.push_back(
            {{},
             directory,
             nullptr,
             {{"", "has more than 1000 files; those after " + names[MostFiles - 1] + " are left out"}}});
    return content;
}

} // namespace wasmproxy::host
