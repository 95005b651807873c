// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class AdminServer;
class DigestIndex;

/// Who fetched which module when, and how often on which day.
class AccessesEndpoint {
public:
    /// `index` outlives the server.
    explicit AccessesEndpoint(const DigestIndex& index) : _index(&index) {}
    void addTo(AdminServer& server) const;

private:
    AdminAnswer list(const AdminRequest& request) const;
    AdminAnswer counts(const AdminRequest& request) const;

    const DigestIndex* _index;
};

} // namespace wasmproxy::host
