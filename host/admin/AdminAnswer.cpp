// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminRequest.h"

#include "admin/RequestRules.h"

#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <sstream>

namespace wasmproxy::host {

namespace {

std::string errorBody(const std::string& code, const std::string& message, const std::string& hint,
                      const std::string& requestId) {
    Poco::JSON::Object detail(Poco::JSON_PRESERVE_KEY_ORDER);
    detail.set("requestId", requestId);
    if (!hint.empty()) detail.set("hint", hint);
    Poco::JSON::Object error(Poco::JSON_PRESERVE_KEY_ORDER);
    error.set("code", code);
    error.set("message", message);
    error.set("detail", detail);
    Poco::JSON::Array errors(Poco::JSON_ESCAPE_UNICODE);
    errors.add(error);
    Poco::JSON::Object body(Poco::JSON_ESCAPE_UNICODE);
    body.set("errors", errors);
    return AdminAnswer::json(body).body;
}

} // namespace

AdminAnswer AdminAnswer::json(const Poco::JSON::Object& body, int status) {
    std::ostringstream out;
    body.stringify(out);
    AdminAnswer answer;
    answer.status = status;
    answer.body = out.str() + "\n";
    return answer;
}

AdminAnswer AdminAnswer::of(const Error& error, const std::string& requestId) {
    const ErrorTraits& traits = traitsOf(error.code());
    AdminAnswer answer;
    answer.status = traits.status;
    answer.body = errorBody(traits.name, error.what(), error.hint(), requestId);
    if (error.retryAfter().count() > 0)
        answer.headers.emplace_back("Retry-After", std::to_string(error.retryAfter().count()));
    return answer;
}

AdminAnswer AdminAnswer::refusal(int status, const std::string& code, const std::string& message,
                                 const std::string& requestId, const std::string& hint) {
    AdminAnswer answer;
    answer.status = status;
    answer.body = errorBody(code, message, hint, requestId);
    return answer;
}

AdminAnswer AdminAnswer::ofException(const AdminRequest& request) noexcept {
    std::string cause;
    try {
        throw;
    } catch (const Error& error) {
        return of(error, request.requestId);
    } catch (const RequestRefusal& refused) {
        return refusal(refused.status, "REQUEST_INVALID", refused.message, request.requestId);
    } catch (const Poco::Exception& e) {
        cause = e.displayText();
    } catch (const std::exception& e) {
        cause = e.what();
    } catch (...) {
        cause = "no exception of a known kind";
    }
    log(LogLevel::Error, "an admin request failed",
        {{"request", request.requestId}, {"path", request.path}, {"cause", cause}});
    return refusal(500, "INTERNAL", "an internal error, see the proxy's log", request.requestId);
}

} // namespace wasmproxy::host
