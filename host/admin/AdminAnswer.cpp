// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminRequest.h"

#include "wasmproxy/oci/Error.h"

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

AdminAnswer AdminAnswer::json(const Poco::JSON::Object& body) {
    std::ostringstream out;
    body.stringify(out);
    AdminAnswer answer;
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
                                 const std::string& requestId) {
    AdminAnswer answer;
    answer.status = status;
    answer.body = errorBody(code, message, {}, requestId);
    return answer;
}

} // namespace wasmproxy::host
