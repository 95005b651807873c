// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class AdminServer;
class FailureLog;

/// GET /api/v1/failures: what failed lately, by reference, with cause, hint and next try.
class FailuresEndpoint {
public:
    /// `failures` outlives the server.
    explicit FailuresEndpoint(const FailureLog& failures) : _failures(&failures) {}
    void addTo(AdminServer& server) const;

private:
    AdminAnswer list(const AdminRequest& request) const;
    const FailureLog* _failures;
};

} // namespace wasmproxy::host
