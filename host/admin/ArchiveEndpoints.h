// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"
#include "admin/ResolveEndpoint.h"
#include "pull/ModuleIntake.h"

#include <functional>
#include <string>

namespace wasmproxy::host {

class AdminServer;
class Jobs;
class PullService;

/// Artifacts that come and go as archives, without a registry: import and export.
class ArchiveEndpoints {
public:
    struct Rooms {
        Jobs& jobs;
        DigestIndex& index;
        CacheTiers& cache;
        PullService& pulls;
        std::function<PullLimits()> limits; ///< as they are now
        std::string folder;                 ///< for temporary files
        ModuleDescription description;
    };

    explicit ArchiveEndpoints(const Rooms& rooms) : _rooms(rooms) {} ///< all outlive the server
    void addTo(AdminServer& server) const;

private:
    AdminAnswer import(const AdminRequest& request) const;
    AdminAnswer exportArtifact(const AdminRequest& request) const;
    AdminAnswer exportModule(const AdminRequest& request) const;

    Rooms _rooms;
};

} // namespace wasmproxy::host
