// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"

#include <map>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The documents of a directory's *.yaml, *.yml and *.json files, hidden ones left out. Remembers what it has read, so
/// that a file is parsed again only when its bytes changed.
class ExtensionFiles {
public:
    struct Content {
        std::vector<ExtensionDocument> documents; ///< in the order of the files' names
        std::string problem;                      ///< of the directory itself; then there are no documents
        bool absent = false;                      ///< that problem is that there is no such directory
    };

    Content read(const std::string& directory);

    static constexpr std::size_t MostFiles = 1000;

private:
    struct Known {
        Digest bytes;
        std::vector<ExtensionDocument> documents;
    };
    std::map<std::string, Known> _known; // by path
};

} // namespace wasmproxy::host
