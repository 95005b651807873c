// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminServer.h"

#include "admin/RequestRules.h"
#include "wasmproxy/oci/Error.h"

namespace wasmproxy::host {

namespace {

HttpListener::Options optionsOf(const std::string& listen) {
    HttpListener::Options options;
    options.name = "admin.listen";
    options.listen = listen;
    options.threads = 8; // each may wait for a pull
    options.answerLimit = std::chrono::seconds(20);
    return options;
}

} // namespace

AdminServer::AdminServer(const std::string& listen)
    : _listener(optionsOf(listen), [this](const AdminRequest& request) { return answer(request); }) {
    if (!_listener.onLoopback())
        throw Error(ErrorCode::SettingsInvalid, "admin.listen: '" + listen + "' is not a loopback address",
                    "the admin endpoints have no authentication; listen on 127.0.0.1 and forward the port");
}

AdminAnswer AdminServer::answer(const AdminRequest& request) const {
    if (auto refused = refuseForeignPage(request, port())) return *refused;
    const AdminRoutes::Match match = _routes.find(request.method, request.path);
    if (match.operation != nullptr) {
        AdminRequest asked = request;
        asked.segments = match.segments;
        asked.role = AdminRole::Operate;
        asked.actor = "loopback";
        return match.operation->handler(asked);
    }
    if (match.allow.empty()) return AdminAnswer::refusal(404, "NOT_FOUND", "there is nothing here", request.requestId);
    AdminAnswer refused =
        AdminAnswer::of(Error(ErrorCode::MethodUnsupported, "served are " + match.allow), request.requestId);
    refused.headers.emplace_back("Allow", match.allow);
    return refused;
}

} // namespace wasmproxy::host
