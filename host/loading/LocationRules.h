// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "observe/OwnedFd.h"

#include <string>

namespace wasmproxy::host {

/// Who may change what is loaded: root and the user we run as, nobody else. A directory and its files must be owned by
/// one of them and be writable by neither group nor others; on a read-only mount both pass. A parent directory matters
/// only where others may write it without the sticky bit. Symbolic links are followed; what they lead to obeys the
/// same.
class LocationRules {
public:
    explicit LocationRules(bool checkOwner) : _checkOwner(checkOwner) {}

    /// The real path of the plugin directory. Throws Error{SettingsInvalid}.
    std::string directory(const std::string& path) const;
    /// The library at `path`, open for reading. Throws Error{PluginFault}.
    OwnedFd file(const std::string& path) const;

private:
    std::string brokenRule(const std::string& realDirectory) const;

    bool _checkOwner;
};

} // namespace wasmproxy::host
