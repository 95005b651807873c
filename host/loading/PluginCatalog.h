// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loading/PluginState.h"
#include "wasmproxy/plugin/ComponentFactory.h"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Checks and loads plugins. A library is copied once into a sealed memfd; the copy's note is read, the copy is opened
/// by a child process (`<self> --check-plugin-fd=N`, with a deadline), and only then here, so that replacing,
/// overwriting, truncating or deleting the file touches no running code. Nothing is ever unloaded: what a file holds
/// later is a new library beside the old, and takes its names. A refused plugin stops no other. Thread-safe.
class PluginCatalog {
public:
    static constexpr std::size_t MaxLibraries = 256;

    struct Options {
        std::string directory;
        std::string checkerProgram = "/proc/self/exe"; ///< run as `checker --check-plugin-fd=N`
        std::chrono::milliseconds checkTimeout{5000};
        bool checkOwner = true;
    };

    /// What a look brought.
    struct Look {
        std::vector<PluginState> changed; ///< whose state is another now; none that is "checking"
        bool opened = false;              ///< there are components that were not there before
        bool checking = false;            ///< not all is known yet
    };

    explicit PluginCatalog(Options options);
    ~PluginCatalog();

    /// Loads every *.so of the directory, in the order of their names; those whose name begins with a dot are not
    /// looked at (tools copy to such names first). Called again, it looks at what is new or was changed, and waits a
    /// second at most for each; the first time for all. Throws Error{SettingsInvalid} where the directory cannot be
    /// used (absent, writable by others, not owned by root or us).
    void load();

    /// The same without waiting for the children: opens what they have passed, and begins with what is new or was
    /// changed. To be called again when checkedDescriptor() is readable. Files of these names are left alone, as they
    /// are not whole yet. `again`: what was refused is checked once more, since the reason may lie elsewhere (a library
    /// that it needs, a machine that was busy).
    Look look(const std::set<std::string>& beingWritten = {}, bool again = false);
    int checkedDescriptor() const noexcept;

    /// Every library seen, by file name.
    std::vector<PluginState> plugins() const;
    const std::string& directory() const noexcept;
    /// Why the directory could not be used at the last look; "": it could.
    std::string problem() const;
    /// The newest good factory of that seam and name, owned by the catalog for the life of the process; nullptr: there
    /// is none.
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
