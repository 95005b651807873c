// SPDX-License-Identifier: Apache-2.0
#include "DiskSettings.h"

namespace wasmproxy::disk {

void DiskSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    if (!directory.given()) return; // a required key: Settings reports it
    const std::string& path = directory.get();
    // A relative path would mean another place once the process has become a daemon.
    if (path.empty() || path.front() != '/')
        problems.push_back({directory.origin(), prefix + "directory",
                            "expected an absolute path such as /var/cache/wasm-proxy, not \"" + path + "\""});
    else if (path.find('\0') != std::string::npos)
        problems.push_back({directory.origin(), prefix + "directory", "the path holds a NUL character"});
}

} // namespace wasmproxy::disk
