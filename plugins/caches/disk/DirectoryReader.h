// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>

#include <optional>
#include <string>

namespace wasmproxy::disk {

/// The names in one directory, without "." and "..". A directory that does not exist is an empty one.
class DirectoryReader {
public:
    /// `name` is relative to the descriptor `root`; `path` names it in errors. Throws Error{StorageFault}.
    DirectoryReader(int root, const std::string& name, std::string path);
    ~DirectoryReader();
    DirectoryReader(const DirectoryReader&) = delete;
    DirectoryReader& operator=(const DirectoryReader&) = delete;

    std::optional<std::string> next(); ///< nullopt: no more

private:
    std::string _path;
    DIR* _stream = nullptr;
};

} // namespace wasmproxy::disk
