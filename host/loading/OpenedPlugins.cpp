// SPDX-License-Identifier: Apache-2.0
#include "loading/OpenedPlugins.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/PluginLibrary.h"

#include <algorithm>

namespace wasmproxy::host {

OpenedPlugin* OpenedPlugins::find(const Digest& digest) const {
    for (const auto& each : _all)
        if (each->digest == digest) return each.get();
    return nullptr;
}

void OpenedPlugins::offer(const OpenedPlugin& plugin, const std::function<bool(const OpenedPlugin&)>& keeps) {
    for (const auto& factory : plugin.factories) {
        const auto other = _components.find({factory->seam(), factory->name()});
        if (other == _components.end() || other->second.plugin == &plugin || !keeps(*other->second.plugin)) continue;
        throw Error(ErrorCode::PluginFault,
                    plugin.state.file + " offers " + componentTitle(*factory) + ", which " +
                        other->second.plugin->state.file + " has already",
                    "remove one of the two");
    }
    for (const auto& factory : plugin.factories)
        _components[{factory->seam(), factory->name()}] = {factory.get(), &plugin};
}

const ComponentFactory* OpenedPlugins::find(const std::string& seam, const std::string& name) const {
    const auto found = _components.find({seam, name});
    return found == _components.end() ? nullptr : found->second.factory;
}

std::vector<const ComponentFactory*> OpenedPlugins::factories(const std::string& seam) const {
    std::vector<const ComponentFactory*> found;
    for (const auto& [key, offer] : _components)
        if (key.first == seam) found.push_back(offer.factory);
    return found;
}

std::vector<const OpenedPlugin*> OpenedPlugins::offering() const {
    std::vector<const OpenedPlugin*> found;
    for (const auto& each : _all) {
        const auto offers = [&](const auto& component) { return component.second.plugin == each.get(); };
        if (std::any_of(_components.begin(), _components.end(), offers)) found.push_back(each.get());
    }
    return found;
}

} // namespace wasmproxy::host
