// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <chrono>

namespace wasmproxy {
class ComponentFactory;
}

namespace wasmproxy::host {

class AdminServer;
class PluginCatalog;

/// GET /api/v1/plugins: every library in the plugin directory, what became of it, and which instances are made of it.
/// POST /api/v1/plugins/rescan looks at the directory at once. No request names a file. Copyable; the catalog outlives
/// it.
class PluginsEndpoint {
public:
    /// An instance of the configuration in force: "credential.team".
    struct Use {
        std::string instance;
        const ComponentFactory* factory;
    };
    using Uses = std::function<std::vector<Use>()>;
    using Rescan = std::function<bool(std::chrono::milliseconds patience)>; ///< true: all is known

    PluginsEndpoint(const PluginCatalog& catalog, Uses uses, Rescan rescan)
        : _catalog(&catalog), _uses(std::move(uses)), _rescan(std::move(rescan)) {}
    void addTo(AdminServer& server) const;

    AdminAnswer list(const AdminRequest& request) const;
    AdminAnswer rescan(const AdminRequest& request) const; ///< 200 and the list; 202: a library is still checked

private:
    const PluginCatalog* _catalog;
    Uses _uses;
    Rescan _rescan;
};

} // namespace wasmproxy::host
