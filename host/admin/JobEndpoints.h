// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class AdminServer;
class Jobs;
struct JobState;

/// GET /api/v1/jobs, and GET and DELETE of one.
class JobEndpoints {
public:
    explicit JobEndpoints(Jobs& jobs) : _jobs(&jobs) {} ///< outlives the server
    void addTo(AdminServer& server) const;

    /// What an operation answers that has become a job: 202, where to look for it, and the job.
    static AdminAnswer accepted(const JobState& job, const std::string& audited = {});

private:
    AdminAnswer list(const AdminRequest& request) const;
    AdminAnswer show(const AdminRequest& request) const;
    AdminAnswer cancel(const AdminRequest& request) const;

    Jobs* _jobs;
};

} // namespace wasmproxy::host
