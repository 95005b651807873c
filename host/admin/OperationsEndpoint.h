// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace wasmproxy::host {

class AdminServer;

/// GET /api/v1: every operation of this server with the role that it needs. docs/admin-api.yaml describes them.
class OperationsEndpoint {
public:
    void addTo(AdminServer& server) const;
};

} // namespace wasmproxy::host
