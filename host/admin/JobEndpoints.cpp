// SPDX-License-Identifier: Apache-2.0
#include "admin/JobEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/Jobs.h"
#include "admin/Page.h"
#include "admin/Refusal.h"

#include <Poco/NumberFormatter.h>

namespace wasmproxy::host {
namespace {

constexpr std::chrono::seconds LongestWait{15};

Refusal unknownJob(const std::string& id) {
    return {404, "JOB_UNKNOWN", "there is no job " + id, "the last 200 are kept"};
}

std::chrono::seconds waitOf(const AdminRequest& request) {
    const auto text = request.parameter("wait");
    if (text.empty()) return std::chrono::seconds(0);
    const bool digits = text.size() <= 2 && text.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || std::stol(text) > LongestWait.count())
        throw Refusal::invalid("wait must be 0 to " + std::to_string(LongestWait.count()) + " seconds");
    return std::chrono::seconds(std::stol(text));
}

} // namespace

void JobEndpoints::addTo(AdminServer& server) const {
    const auto add = [&](const char* method, const char* path, AdminRole role, auto member) {
        server.add({method, path, role,
                    refusing([self = *this, member](const AdminRequest& request) { return (self.*member)(request); })});
    };
    add("GET", "/api/v1/jobs", AdminRole::Read, &JobEndpoints::list);
    add("GET", "/api/v1/jobs/{id}", AdminRole::Read, &JobEndpoints::show);
    add("DELETE", "/api/v1/jobs/{id}", AdminRole::Operate, &JobEndpoints::cancel);
}

AdminAnswer JobEndpoints::accepted(const JobState& job, const std::string& audited) {
    auto answer = AdminAnswer::json(job.json(), 202);
    answer.headers.emplace_back("Location", "/api/v1/jobs/" + job.id);
    answer.job = job.id;
    answer.audited = audited;
    return answer;
}

AdminAnswer JobEndpoints::list(const AdminRequest& request) const {
    const Page page(request);
    Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
    // Newest first: the greatest number has the smallest key.
    page.write(
        body, _jobs->all(),
        [](const JobState& job) { return Poco::NumberFormatter::format0(~Poco::UInt64(0) - std::stoull(job.id), 20); },
        [](const JobState& job) { return job.json(); });
    return AdminAnswer::json(body);
}

AdminAnswer JobEndpoints::show(const AdminRequest& request) const {
    const auto id = request.segment("id");
    const auto job = _jobs->wait(id, waitOf(request), *request.stop);
    if (!job) throw unknownJob(id);
    return AdminAnswer::json(job->json());
}

AdminAnswer JobEndpoints::cancel(const AdminRequest& request) const {
    const auto id = request.segment("id");
    const auto job = _jobs->cancel(id);
    if (!job) throw unknownJob(id);
    if (!job->cancelling) throw Refusal{409, "JOB_OVER", "job " + id + " is over: it " + std::string(job->phaseName())};
    return job->over() ? AdminAnswer::json(job->json()) : accepted(*job);
}

} // namespace wasmproxy::host
