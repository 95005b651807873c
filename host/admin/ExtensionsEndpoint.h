// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class ExtensionCatalog;

/// GET /api/v1/extensions: every WasmExtension document, what is wrong with it, and what became of it when it was last
/// pulled. Neither `config` nor `vmConfig`, which may hold secrets. Copyable; the catalog outlives it.
class ExtensionsEndpoint {
public:
    explicit ExtensionsEndpoint(const ExtensionCatalog& catalog) : _catalog(&catalog) {}
    AdminAnswer operator()(const AdminRequest& request) const;

private:
    const ExtensionCatalog* _catalog;
};

} // namespace wasmproxy::host
