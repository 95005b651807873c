// SPDX-License-Identifier: Apache-2.0
#include "admin/PluginsEndpoint.h"

#include "loading/PluginCatalog.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

namespace wasmproxy::host {

AdminAnswer PluginsEndpoint::operator()(const AdminRequest&) const {
    Poco::JSON::Array plugins;
    for (const PluginState& state : _catalog->plugins()) {
        Poco::JSON::Object plugin(Poco::JSON_PRESERVE_KEY_ORDER);
        plugin.set("file", state.file);
        plugin.set("id", state.id);
        plugin.set("version", state.version);
        plugin.set("state", state.state);
        if (!state.reason.empty()) plugin.set("reason", state.reason);
        Poco::JSON::Array components;
        for (const std::string& component : state.components)
            components.add(component);
        plugin.set("components", components);
        plugins.add(plugin);
    }
    Poco::JSON::Object body;
    body.set("plugins", plugins);
    return AdminAnswer::json(body);
}

} // namespace wasmproxy::host
