// SPDX-License-Identifier: Apache-2.0
#include "admin/PullEndpoints.h"

#include "admin/AdminServer.h"
#include "admin/AwaitedModule.h"
#include "admin/JobEndpoints.h"
#include "admin/Refusal.h"
#include "admin/RequestBody.h"
#include "pull/PullService.h"

#include <Poco/JSON/Array.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr std::size_t BodyLimit = 512 * 1024;
constexpr std::size_t AtOnce = 8;       // references of a prefetch: agents' pulls have workers left
constexpr std::size_t MostAudited = 20; // references of a prefetch in one line
constexpr int MostAsks = 4;             // for one reference, each as long as pull.hold
constexpr std::chrono::seconds AskPatience{300};
constexpr std::chrono::seconds RefreshPatience{14};

Poco::JSON::Object describe(const Error& error) {
    Poco::JSON::Object fault(Poco::JSON_PRESERVE_KEY_ORDER);
    fault.set("code", traitsOf(error.code()).name);
    fault.set("message", error.what());
    if (!error.hint().empty()) fault.set("hint", error.hint());
    return fault;
}

} // namespace

void PullEndpoints::addTo(AdminServer& server) const {
    server.add({"POST", "/api/v1/prefetch", AdminRole::Operate,
                refusing([self = *this](const AdminRequest& request) { return self.prefetch(request); }), BodyLimit});
    server.add({"POST", "/api/v1/refresh", AdminRole::Operate,
                refusing([self = *this](const AdminRequest& request) { return self.refresh(request); }), BodyLimit});
}

AdminAnswer PullEndpoints::prefetch(const AdminRequest& request) const {
    const RequestBody body(request, {"references"});
    std::vector<ModuleRequest> wanted;
    for (const auto& text : body.texts("references", MostReferences)) {
        try {
            wanted.push_back(ModuleRequest::parse(text, {}));
        } catch (const Error& error) {
            throw Refusal::invalid("references[" + std::to_string(wanted.size()) + "]: " + error.what(), error.hint());
        }
    }
    std::string audited;
    for (std::size_t i = 0; i < std::min(wanted.size(), MostAudited); ++i)
        audited += (i > 0 ? " " : "") + wanted[i].named();
    if (wanted.size() > MostAudited) audited += " and " + std::to_string(wanted.size() - MostAudited) + " more";
    const auto job = _jobs->start("prefetch", request.actor,
                                  [self = *this, wanted = std::move(wanted), caller = request.caller](Jobs::Run& run) {
                                      return self.pullAll(run, wanted, caller);
                                  });
    return JobEndpoints::accepted(job, audited);
}

Poco::JSON::Object::Ptr PullEndpoints::pullAll(Jobs::Run& run, const std::vector<ModuleRequest>& wanted,
                                               const std::string& caller) const {
    const Caller asker{run.call().requestId(), caller};
    std::vector<AwaitedModule> asked;
    Poco::JSON::Array items;
    std::size_t failed = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        run.progress(i, wanted.size(), wanted[i].text);
        while (asked.size() < std::min(wanted.size(), i + AtOnce)) {
            const auto& next = wanted[asked.size()];
            next.ask(*_pulls, asker, asked.emplace_back().callback());
        }
        auto result = asked[i].wait(AskPatience, run.cancelled());
        run.call().check("prefetching");
        for (int asks = 1; asks < MostAsks && result; ++asks) {
            const auto* error = std::get_if<Error>(&*result);
            if (!error || !error->retryable()) break;
            AwaitedModule again;
            wanted[i].ask(*_pulls, asker, again.callback());
            result = again.wait(AskPatience, run.cancelled());
            run.call().check("prefetching");
        }
        Poco::JSON::Object item(Poco::JSON_PRESERVE_KEY_ORDER);
        item.set("reference", wanted[i].text);
        if (!result) {
            item.set("error", describe(Error(ErrorCode::DeadlineExceeded, "no answer within five minutes")));
            ++failed;
        } else if (const auto* error = std::get_if<Error>(&*result)) {
            item.set("error", describe(*error));
            ++failed;
        } else {
            const auto& served = std::get<ServedModule>(*result);
            item.set("manifestDigest", served.manifest.str());
            item.set("moduleSha256", std::string(served.module.hex()));
            item.set("size", static_cast<Poco::UInt64>(served.content->size()));
        }
        items.add(item);
        asked[i] = AwaitedModule(); // lets the module go: a thousand of them are as many open files
    }
    run.progress(wanted.size(), wanted.size());
    if (failed != 0)
        run.fail(
            Error(ErrorCode::UpstreamUnavailable,
                  std::to_string(failed) + " of " + std::to_string(wanted.size()) + " references could not be pulled",
                  "each has its error in the result"));
    Poco::JSON::Object::Ptr body = new Poco::JSON::Object(Poco::JSON_PRESERVE_KEY_ORDER);
    body->set("pulled", static_cast<Poco::UInt64>(wanted.size() - failed));
    body->set("failed", static_cast<Poco::UInt64>(failed));
    body->set("items", items);
    return body;
}

AdminAnswer PullEndpoints::refresh(const AdminRequest& request) const {
    const RequestBody body(request, {"reference", "extension"});
    const auto wanted = ModuleRequest::parse(body.text("reference"), body.text("extension"));
    auto answer =
        _description.answer(*_pulls, wanted, request, {request.requestId, request.caller, {}, true}, RefreshPatience);
    answer.audited = wanted.named();
    return answer;
}

} // namespace wasmproxy::host
