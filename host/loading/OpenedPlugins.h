// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loading/PluginState.h"
#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/plugin/ComponentFactory.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// A library whose code runs in this process, for ever.
struct OpenedPlugin {
    PluginState state; ///< "loaded"
    Digest digest;
    std::vector<std::unique_ptr<ComponentFactory>> factories;
};

/// All libraries that were ever opened, and which component is of which. Callers lock.
class OpenedPlugins {
public:
    static constexpr std::size_t Max = 1000; ///< since each stays in memory

    OpenedPlugin& add(std::unique_ptr<OpenedPlugin> plugin) { return *_all.emplace_back(std::move(plugin)); }
    bool full() const noexcept { return _all.size() >= Max; }
    OpenedPlugin* find(const Digest& digest) const; ///< nullptr: it was never opened

    /// From now on its components are found under their names. Throws Error{PluginFault} where another plugin has one
    /// of them and keeps it.
    void offer(const OpenedPlugin& plugin, const std::function<bool(const OpenedPlugin&)>& keeps);

    const ComponentFactory* find(const std::string& seam, const std::string& name) const;
    std::vector<const ComponentFactory*> factories(const std::string& seam) const;
    /// Those of which at least one component is found, in the order they were opened.
    std::vector<const OpenedPlugin*> offering() const;

private:
    using Key = std::pair<std::string, std::string>; // seam, name
    struct Offer {
        const ComponentFactory* factory;
        const OpenedPlugin* plugin;
    };
    std::vector<std::unique_ptr<OpenedPlugin>> _all;
    std::map<Key, Offer> _components;
};

} // namespace wasmproxy::host
