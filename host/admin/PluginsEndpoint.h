// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class PluginCatalog;

/// GET /api/v1/plugins: every library in the plugin directory and what became of it. Copyable; the catalog outlives it.
class PluginsEndpoint {
public:
    explicit PluginsEndpoint(const PluginCatalog& catalog) : _catalog(&catalog) {}
    AdminAnswer operator()(const AdminRequest& request) const;

private:
    const PluginCatalog* _catalog;
};

} // namespace wasmproxy::host
