// SPDX-License-Identifier: Apache-2.0
#include "admin/Refusal.h"

#include "admin/RequestRules.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

namespace wasmproxy::host {

AdminHandler refusing(AdminHandler handler) {
    return [handler = std::move(handler)](const AdminRequest& request) {
        try {
            return handler(request);
        } catch (const Refusal& refusal) {
            return AdminAnswer::refusal(refusal.status, refusal.code, refusal.message, request.requestId, refusal.hint);
        } catch (const RequestRefusal& refusal) {
            return AdminAnswer::refusal(refusal.status, "REQUEST_INVALID", refusal.message, request.requestId);
        }
    };
}

AdminAnswer refuseAll(int status, const std::string& code, const std::vector<std::string>& messages,
                      const std::string& requestId) {
    Poco::JSON::Array errors(Poco::JSON_ESCAPE_UNICODE);
    for (const auto& message : messages) {
        Poco::JSON::Object detail;
        detail.set("requestId", requestId);
        Poco::JSON::Object error(Poco::JSON_PRESERVE_KEY_ORDER);
        error.set("code", code);
        error.set("message", message);
        error.set("detail", detail);
        errors.add(error);
    }
    Poco::JSON::Object body(Poco::JSON_ESCAPE_UNICODE);
    body.set("errors", errors);
    return AdminAnswer::json(body, status);
}

} // namespace wasmproxy::host
