// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"
#include "extensions/ExtensionFiles.h"

#include <chrono>
#include <map>
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

private:
    void run();
    void scan();
    void watch();
    void reportChanges(const std::vector<ExtensionDocument>& documents, const std::string& problem);

    const std::string _directory;
    ExtensionCatalog& _catalog;
    const std::chrono::milliseconds _rescan;
    ExtensionFiles _files;
    std::map<std::string, std::string> _reported; // what was wrong, by origin
    int _notify = -1;
    int _watch = -1;
    int _parentWatch = -1;
    int _stop = -1;
    std::thread _thread;
};

} // namespace wasmproxy::host
