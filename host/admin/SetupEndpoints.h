// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"
#include "admin/SetupRows.h"

#include <functional>

namespace wasmproxy::host {

class AdminServer;
class CredentialMemory;
class DigestIndex;

/// What the configuration in force made: instances, routes, credential sources, caches, and the settings themselves.
class SetupEndpoints {
public:
    using Rows = std::function<SetupRows()>;

    /// Memory and index outlive the server.
    SetupEndpoints(Rows rows, const CredentialMemory& memory, const DigestIndex& index)
        : _rows(std::move(rows)), _memory(&memory), _index(&index) {}
    void addTo(AdminServer& server) const;

private:
    AdminAnswer instances(const AdminRequest& request) const;
    AdminAnswer routes(const AdminRequest& request) const;
    AdminAnswer credentials(const AdminRequest& request) const;
    AdminAnswer cache(const AdminRequest& request) const;
    AdminAnswer configuration(const AdminRequest& request) const;
    AdminAnswer level(const AdminRequest& request) const;

    Rows _rows;
    const CredentialMemory* _memory;
    const DigestIndex* _index;
};

} // namespace wasmproxy::host
