// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/ComponentFactory.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// What became of one library in the plugin directory.
struct PluginState {
    std::string file; ///< as found in the directory
    std::string id;   ///< from its note; empty: it could not be read
    std::string version;
    std::string state;                   ///< "loaded" or "refused"
    std::string reason;                  ///< why refused, with what to do
    std::vector<std::string> components; ///< "registry-backend oci"
};

/// Checks and loads plugins. A library is copied once into a sealed memfd; the copy's note is read, the copy is opened
/// by a child process (`<self> --check-plugin-fd=N`, with a deadline), and only then here, so that replacing,
/// overwriting, truncating or deleting the file touches no running code. Nothing is ever unloaded. A refused plugin
/// stops no other. Thread-safe.
class PluginCatalog {
public:
    static constexpr std::size_t MaxLibraries = 256;

    struct Options {
        std::string directory;
        std::string checkerProgram = "/proc/self/exe"; ///< run as `checker --check-plugin-fd=N`
        std::chrono::milliseconds checkTimeout{5000};
        bool checkOwner = true;
    };

    explicit PluginCatalog(Options options);
    ~PluginCatalog();

    /// Loads every *.so of the directory, in the order of their names; those whose name begins with a dot are not
    /// looked at (tools copy to such names first). Called again, it looks at what is new or was changed. Throws
    /// Error{SettingsInvalid} where the directory cannot be used (absent, writable by others, not owned by root or us).
    void load();

    /// Every library seen, by file name.
    std::vector<PluginState> plugins() const;
    /// The factory of that seam and name, owned by the catalog for the life of the process; nullptr: there is none.
    const ComponentFactory* find(const std::string& seam, const std::string& name) const;
    std::vector<const ComponentFactory*> factories(const std::string& seam) const;

    /// What --check-plugin does: everything up to listing the components, in this process. `path` may be
    /// "/proc/self/fd/N". Where the file lies and who owns it does not matter here. Throws Error{PluginFault} with the
    /// reason it would be refused for.
    static PluginState check(const std::string& path);

private:
    struct Libraries;
    std::unique_ptr<Libraries> _libraries;
};

} // namespace wasmproxy::host
