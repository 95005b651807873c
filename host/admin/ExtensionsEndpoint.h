// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class AdminServer;
class ExtensionCatalog;

/// Every WasmExtension document, what is wrong with it, and what became of it when it was last pulled. Neither `config`
/// nor `vmConfig`, which may hold secrets. The catalog outlives the server.
class ExtensionsEndpoint {
public:
    explicit ExtensionsEndpoint(const ExtensionCatalog& catalog) : _catalog(&catalog) {}
    void addTo(AdminServer& server) const;

private:
    AdminAnswer list(const AdminRequest& request) const;
    AdminAnswer show(const AdminRequest& request) const;
    const ExtensionCatalog* _catalog;
};

} // namespace wasmproxy::host
