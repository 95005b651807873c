// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"
#include "extensions/ExtensionFiles.h"
#include "observe/DirectoryWatch.h"
#include "observe/OwnedFd.h"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace wasmproxy::host {

/// Keeps the catalog's source "directory" as the files of a directory are: read once on construction, then whenever one
/// changes (a ConfigMap volume's swap of `..data` included), and every `rescan` for what no event told. What is wrong
/// is logged when it begins to be so. A directory that is not there is waited for.
class ExtensionDirectory {
public:
    ExtensionDirectory(std::string directory, ExtensionCatalog& catalog,
                       std::chrono::milliseconds rescan = std::chrono::seconds(30));
    ~ExtensionDirectory(); ///< ends and joins its thread; the catalog keeps what it has

    /// Where the document of that name is, if it has been written here.
    std::string pathOf(const std::string& name) const;
    /// Its bytes; nullopt: there is no such file. Throws Error{StorageFault}.
    std::optional<std::string> read(const std::string& name) const;
    /// Puts the document there at once and whole, so that it survives a crash, and then into the catalog. Any thread,
    /// but one at a time for one name. Throws Error{StorageFault} where the directory cannot be written.
    void write(const std::string& name, const std::string& json);
    void remove(const std::string& name); ///< the same, for its end

private:
    void run();
    bool wait(); ///< for a reason to look; false: it ends
    void scan(); ///< any thread
    [[noreturn]] void cannot(const std::string& what) const;
    void reportChanges(const std::vector<ExtensionDocument>& documents, const std::string& problem);

    const std::string _directory;
    ExtensionCatalog& _catalog;
    const std::chrono::milliseconds _rescan;
    std::mutex _scanning;
    ExtensionFiles _files;
    std::map<std::string, std::string> _reported; // what was wrong, by origin
    DirectoryWatch _watch;                        // under _scanning, but for its descriptor
    OwnedFd _stop;
    std::thread _thread;
};

} // namespace wasmproxy::host
