// SPDX-License-Identifier: Apache-2.0
#include "admin/HealthServer.h"

#include "admin/RequestRules.h"
#include "observe/Metrics.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/JSON/Object.h>
#include <sstream>

namespace wasmproxy::host {

namespace {

HttpListener::Options optionsOf(const std::string& listen) {
    HttpListener::Options options;
    options.name = "health.listen";
    options.listen = listen;
    options.threads = 8; // probes and a scraper need one; the others are for clients that do not finish
    options.headLimit = std::chrono::seconds(2);
    return options;
}

} // namespace

HealthServer::HealthServer(const std::string& listen, Metrics& metrics, std::function<Readiness()> readiness)
    : _metrics(metrics),
      _readiness(std::move(readiness)),
      _listener(optionsOf(listen), [this](const AdminHead& head, const AdminRequest&) {
          if (head.hasBody()) throw RequestRefusal{400, "a request here has no body"};
          Admission admission;
          admission.handler = [this](const AdminRequest& request) { return answer(request); };
          return admission;
      }) {}

AdminAnswer HealthServer::answer(const AdminRequest& request) const {
    AdminAnswer answer;
    if (request.method != "GET" && request.method != "HEAD") {
        answer =
            AdminAnswer::of(Error(ErrorCode::MethodUnsupported, "only GET and HEAD are served"), request.requestId);
        answer.headers.emplace_back("Allow", "GET, HEAD");
    } else if (request.path == "/healthz") {
        answer.body = "{\"status\":\"ok\"}\n";
    } else if (request.path == "/readyz") {
        const Readiness readiness = _readiness();
        answer.status = readiness.ready ? 200 : 503;
        Poco::JSON::Object body(Poco::JSON_PRESERVE_KEY_ORDER);
        body.set("status", readiness.ready ? "ready" : "not ready");
        body.set("detail", readiness.detail);
        std::ostringstream out;
        body.stringify(out);
        answer.body = out.str() + "\n";
    } else if (request.path == "/metrics") {
        answer.contentType = "text/plain; version=0.0.4; charset=utf-8";
        answer.body = _metrics.text();
    } else {
        return AdminAnswer::refusal(404, "NOT_FOUND", "there are /healthz, /readyz and /metrics", request.requestId);
    }
    return answer;
}

} // namespace wasmproxy::host
