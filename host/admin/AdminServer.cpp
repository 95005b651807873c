// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminServer.h"

#include "admin/AdminTls.h"
#include "admin/RequestRules.h"
#include "observe/Log.h"
#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/Net/SocketAddress.h>
#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr std::uint64_t SlowestUpload = 64 * 1024; // bytes per second
constexpr std::chrono::seconds LongestUpload{900};

Error invalid(const std::string& message, const std::string& hint) {
    return {ErrorCode::SettingsInvalid, "admin." + message, hint};
}

bool onLoopback(const std::string& listen) {
    const std::string host = listen.substr(0, listen.rfind(':'));
    Poco::Net::IPAddress address;
    return Poco::Net::IPAddress::tryParse(host.size() > 2 && host[0] == '[' ? host.substr(1, host.size() - 2) : host,
                                          address) &&
           address.isLoopback();
}

void checkTogether(const AdminOptions& options) {
    if (options.tlsCertificate.empty() != options.tlsKey.empty())
        throw invalid(options.tlsKey.empty() ? "tls-key: is missing" : "tls-certificate: is missing",
                      "write both, or neither");
    if (!options.clientCa.empty() && options.tlsCertificate.empty())
        throw invalid("client-ca: client certificates need TLS", "write tls-certificate and tls-key");
    const bool names = !options.readNames.empty() || !options.operateNames.empty();
    if (names && options.clientCa.empty())
        throw invalid("client-ca: is missing", "write the authority that signs the certificates of read-names and "
                                               "operate-names");
    if (!options.clientCa.empty() && !names)
        throw invalid("client-ca: no certificate would be let in", "write operate-names or read-names");
    const bool tokens = !options.readTokenFile.empty() || !options.operateTokenFile.empty();
    if (!onLoopback(options.listen) && tokens && options.tlsCertificate.empty() && !options.plainHttp)
        throw invalid("listen: tokens would be sent over '" + options.listen + "' in the clear",
                      "write tls-certificate and tls-key, or plain-http = true where a mesh encrypts");
}

HttpListener::Options listenerOptions(const AdminOptions& given) {
    HttpListener::Options options;
    options.name = "admin.listen";
    options.listen = given.listen;
    options.threads = 8; // each may wait for a pull
    options.answerLimit = std::chrono::seconds(20);
    options.uploadDirectory = given.uploadDirectory;
    if (!given.tlsCertificate.empty())
        options.tls = std::make_shared<AdminTls>(AdminTls::Files{given.tlsCertificate, given.tlsKey, given.clientCa});
    return options;
}

AdminOptions checked(const AdminOptions& options) {
    checkTogether(options);
    return options;
}

AdminOptions listening(const std::string& listen) {
    AdminOptions options;
    options.listen = listen;
    return options;
}

/// Whether one of the tags in `ifNoneMatch` is `tag`. Weakly compared, as RFC 9110 has it for GET.
bool hasTag(const std::string& ifNoneMatch, const std::string& tag) {
    // Tags have their quotes, so none is part of another.
    return ifNoneMatch == "*" || ifNoneMatch.find(tag) != std::string::npos;
}

void addTag(AdminAnswer& answer, const std::string& ifNoneMatch) {
    if (answer.status != 200 || !answer.file.empty()) return;
    const auto given = std::find_if(answer.headers.begin(), answer.headers.end(),
                                    [](const auto& header) { return header.first == "ETag"; });
    std::string tag = given == answer.headers.end() ? "" : given->second;
    if (tag.empty()) {
        tag = '"' + std::string(Digest::of(answer.body).hex()).substr(0, 32) + '"';
        answer.headers.emplace_back("ETag", tag);
    }
    if (!ifNoneMatch.empty() && hasTag(ifNoneMatch, tag)) {
        answer.status = 304;
        answer.body.clear();
    }
}

void audit(const AdminRequest& request, const AdminOperation& operation, const AdminAnswer& answer) {
    if (operation.role != AdminRole::Operate) return;
    logAudit({{"actor", request.actor},
              {"address", request.caller},
              {"method", operation.method},
              {"path", request.path},
              {"object", answer.audited},
              {"request", request.requestId},
              {"status", std::to_string(answer.status)},
              {"job", answer.job}});
}

Admission refuse(AdminAnswer answer) {
    Admission admission;
    admission.refusal = std::move(answer);
    return admission;
}

} // namespace

AdminServer::AdminServer(const AdminOptions& options)
    : _options(checked(options)),
      _access(options, onLoopback(options.listen)),
      _listener(listenerOptions(options),
                [this](const AdminHead& head, AdminRequest& request) { return admit(head, request); }) {}

AdminServer::AdminServer(const std::string& listen) : AdminServer(listening(listen)) {}

void AdminServer::check(const AdminOptions& options) {
    checkTogether(options);
    const AdminAccess access(options, onLoopback(options.listen));
    if (!options.tlsCertificate.empty()) const AdminTls tls({options.tlsCertificate, options.tlsKey, options.clientCa});
}

Admission AdminServer::admit(const AdminHead& head, AdminRequest& request) {
    if (auto refused =
            refuseForeignPage(request, head, {port(), _listener.onLoopback(), _options.hosts, _options.origins}))
        return refuse(std::move(*refused));
    // Whoever may not come in learns nothing of what there is.
    if (auto refused = _access.admit(head, request)) return refuse(std::move(*refused));
    AdminRoutes::Match match = _routes.find(request.method, request.path);
    if (match.operation != nullptr) {
        request.segments = std::move(match.segments);
        if (request.method == "HEAD") request.method = "GET";
        return admit(head, request, *match.operation);
    }
    if (match.allow.empty())
        return refuse(AdminAnswer::refusal(404, "NOT_FOUND", "there is no such path", request.requestId));
    AdminAnswer refused =
        AdminAnswer::of(Error(ErrorCode::MethodUnsupported, "served are " + match.allow), request.requestId);
    refused.headers.emplace_back("Allow", match.allow);
    return refuse(std::move(refused));
}

Admission AdminServer::admit(const AdminHead& head, AdminRequest& request, const AdminOperation& operation) {
    std::optional<AdminAnswer> refused;
    if (operation.role == AdminRole::Operate && request.role != AdminRole::Operate)
        refused = AdminAnswer::refusal(403, "DENIED", "this needs the role operate", request.requestId);
    else if (operation.method == "GET" && head.hasBody())
        refused = AdminAnswer::refusal(400, "REQUEST_INVALID", "a GET has no body", request.requestId);
    else
        refused = refuseBody(request, head, operation);
    Admission admission;
    if (!refused && operation.toFile && head.hasBody()) {
        // A job may keep it for longer than we live.
        request.upload = std::shared_ptr<void>(nullptr, [uploads = _uploads](void*) { --*uploads; });
        if (++*_uploads > MaxUploads)
            refused = AdminAnswer::of(
                Error(ErrorCode::Busy, "other uploads are in progress or being imported", "try again later"),
                request.requestId);
        admission.bodyToFile = true;
        admission.bodyLimit =
            std::min<std::chrono::seconds>(LongestUpload, std::chrono::seconds(10 + *head.length / SlowestUpload));
    }
    if (refused) {
        audit(request, operation, *refused);
        return refuse(std::move(*refused));
    }
    admission.handler = [this, &operation](const AdminRequest& asked) { return answer(asked, operation); };
    return admission;
}

AdminAnswer AdminServer::answer(const AdminRequest& request, const AdminOperation& operation) const {
    AdminAnswer answer;
    try {
        answer = operation.handler(request);
    } catch (...) {
        answer = AdminAnswer::ofException(request);
    }
    audit(request, operation, answer);
    if (operation.method == "GET") addTag(answer, request.ifNoneMatch);
    return answer;
}

} // namespace wasmproxy::host
