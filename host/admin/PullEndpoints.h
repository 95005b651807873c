// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/Jobs.h"
#include "admin/ResolveEndpoint.h"

namespace wasmproxy::host {

class AdminServer;
class PullService;

/// POST /api/v1/prefetch {"references": […]}, a job, and POST /api/v1/refresh {"reference"} or {"extension"}.
class PullEndpoints {
public:
    /// All outlive the server; `jobs` ends before `pulls`.
    PullEndpoints(Jobs& jobs, PullService& pulls, ModuleDescription description)
        : _jobs(&jobs), _pulls(&pulls), _description(std::move(description)) {}
    void addTo(AdminServer& server) const;

    static constexpr std::size_t MostReferences = 1000;

private:
    AdminAnswer prefetch(const AdminRequest& request) const;
    AdminAnswer refresh(const AdminRequest& request) const;
    Poco::JSON::Object::Ptr pullAll(Jobs::Run& run, const std::vector<ModuleRequest>& wanted,
                                    const std::string& caller) const;

    Jobs* _jobs;
    PullService* _pulls;
    ModuleDescription _description;
};

} // namespace wasmproxy::host
