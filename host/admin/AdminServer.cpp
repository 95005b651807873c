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

void AdminServer::add(const std::string& path, AdminHandler handler) {
    _routes.emplace_back(path, std::move(handler));
}

AdminAnswer AdminServer::answer(const AdminRequest& request) const {
    if (auto refused = refuseForeignPage(request, port())) return *refused;
    if (request.method != "GET" && request.method != "HEAD") {
        AdminAnswer refused =
            AdminAnswer::of(Error(ErrorCode::MethodUnsupported, "only GET and HEAD are served"), request.requestId);
        refused.headers.emplace_back("Allow", "GET, HEAD");
        return refused;
    }
    std::string known;
    for (const auto& [path, handler] : _routes) {
        if (request.path == path || request.path.compare(0, path.size() + 1, path + "/") == 0) return handler(request);
        known += (known.empty() ? "" : ", ") + path;
    }
    return AdminAnswer::refusal(404, "NOT_FOUND", "there are " + known, request.requestId);
}

} // namespace wasmproxy::host
