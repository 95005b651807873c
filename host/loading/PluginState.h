// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy {
class ComponentFactory;
}

namespace wasmproxy::host {

/// What became of one library in the plugin directory.
struct PluginState {
    std::string file; ///< as found in the directory
    std::string id;   ///< from its note; empty: it could not be read
    std::string version;
    /// "checking": not yet known. "loaded": what the file holds is in use. "refused": nothing of it is. "outdated":
    /// what it holds now was refused, so that what it held before stays in use; id and version are of that. "removed":
    /// the file is gone or holds another plugin; in use until a restart.
    std::string state;
    std::string reason;                  ///< why it is not "loaded", with what to do
    std::vector<std::string> components; ///< "registry-backend oci"
    std::optional<std::chrono::system_clock::time_point> loadedAt;
    std::vector<const ComponentFactory*> factories; ///< of what is in use; owned by the catalog
};

} // namespace wasmproxy::host
