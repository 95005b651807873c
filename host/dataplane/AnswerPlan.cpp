// SPDX-License-Identifier: Apache-2.0
#include "dataplane/AnswerPlan.h"

#include "dataplane/ByteRange.h"
#include "dataplane/JsonText.h"

namespace wasmproxy::host {

namespace {

constexpr std::chrono::seconds DefaultRetryAfter{2};
constexpr std::size_t LongestMessage = 1024;

/// RFC 9110 §13.1.2: weak comparison with each element; a malformed list matches nothing.
bool noneMatchHolds(std::string_view list, std::string_view etag) {
    std::size_t i = 0;
    const auto skip = [&](const char* set) {
        while (i < list.size() && std::string_view(set).find(list[i]) != std::string_view::npos)
            ++i;
    };
    skip(" \t");
    if (i < list.size() && list[i] == '*') {
        ++i;
        skip(" \t");
        return i == list.size();
    }
    while (true) {
        skip(" \t,");
        if (i == list.size()) return false;
        if (list.substr(i, 2) == "W/") i += 2;
        if (i == list.size() || list[i] != '"') return false;
        const std::size_t end = list.find('"', i + 1);
        if (end == std::string_view::npos) return false;
        if (list.substr(i, end + 1 - i) == etag) return true;
        i = end + 1;
        skip(" \t");
        if (i < list.size() && list[i] != ',') return false;
    }
}

void add(std::string& headers, const char* name, std::string_view value) {
    headers += name;
    headers += ": ";
    headers += value;
    headers += "\r\n";
}

const char* nameOf(CacheResult result) {
    switch (result) {
    case CacheResult::Hit:
        return "HIT";
    case CacheResult::Miss:
        return "MISS";
    case CacheResult::Stale:
        break;
    }
    return "STALE";
}

/// Whether the error's own text was made from what the client sent, or of what it may know.
bool tellsItsText(ErrorCode code) {
    switch (code) {
    case ErrorCode::ReferenceInvalid:
    case ErrorCode::DigestInvalid:
    case ErrorCode::RouteUnknown:
    case ErrorCode::ModuleUnusable:
    case ErrorCode::Blocked:
        return true;
    default:
        return false;
    }
}

void setBody(AnswerPlan& plan, const char* code, std::string_view message, const std::string& requestId) {
    plan.text = "{\"errors\":[{\"code\":" + jsonText(code) +
                ",\"message\":" + jsonText(message.substr(0, LongestMessage)) +
                ",\"detail\":{\"requestId\":" + jsonText(requestId) + "}}]}\n";
    add(plan.headers, "Content-Type", "application/json");
    add(plan.headers, "Content-Length", std::to_string(plan.text.size()));
    add(plan.headers, "Cache-Control", "no-store");
}

} // namespace

AnswerPlan planAnswer(const RequestHead& request, const Representation& module, const std::string& requestId) {
    AnswerPlan plan;
    const std::string etag = "\"sha256:" + module.sha256 + "\"";
    const std::string size = std::to_string(module.size);
    std::string& headers = plan.headers;
    headers.reserve(512);
    add(headers, "ETag", etag);
    add(headers, "Accept-Ranges", "bytes");
    add(headers, "X-Wasm-Sha256", module.sha256);
    if (!module.manifest.empty()) add(headers, "Docker-Content-Digest", module.manifest);
    add(headers, "X-Cache", nameOf(module.cache));
    add(headers, "Cache-Control", module.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (module.cache == CacheResult::Stale) {
        add(headers, "Warning", "110 wasm-proxy \"Response is Stale\"");
        add(headers, "Warning", "299 - \"the registry could not be asked; this is what the tag meant last\"");
    }
    if (!request.ifNoneMatch.empty() && noneMatchHolds(request.ifNoneMatch, etag)) {
        plan.status = 304;
        return plan;
    }

    plan.status = 200;
    plan.length = module.size;
    // Range means something for GET only (RFC 9110 §14.2). If-Range: only our own strong tag; we send no dates.
    if (request.method == RequestHead::Method::Get && !request.range.empty() &&
        (request.ifRange.empty() || request.ifRange == etag)) {
        const ByteRange range = ByteRange::parse(request.range, module.size);
        if (range.kind == ByteRange::Kind::Unsatisfiable) {
            AnswerPlan refused = planError(request, Error(ErrorCode::RangeInvalid, "no byte of that range"), requestId);
            add(refused.headers, "Content-Range", "bytes */" + size);
            return refused;
        }
        if (range.kind == ByteRange::Kind::Part) {
            plan.status = 206;
            plan.offset = range.offset;
            plan.length = range.length;
            add(headers, "Content-Range",
                "bytes " + std::to_string(range.offset) + "-" + std::to_string(range.offset + range.length - 1) + "/" +
                    size);
        }
    }
    add(headers, "Content-Type", "application/wasm");
    add(headers, "Content-Length", std::to_string(plan.length));
    if (request.method == RequestHead::Method::Head) plan.length = 0;
    return plan;
}

AnswerPlan planError(const RequestHead& request, const Error& error, const std::string& requestId) {
    const ErrorTraits& traits = traitsOf(error.code());
    AnswerPlan plan;
    plan.status = traits.status;
    plan.mustClose = plan.status == 400 || plan.status == 405;
    setBody(plan, traits.name, tellsItsText(error.code()) ? error.what() : traits.clientText, requestId);
    if (plan.status == 405) add(plan.headers, "Allow", "GET, HEAD");
    if (plan.status == 503) {
        const auto wait = error.retryAfter().count() > 0 ? error.retryAfter() : DefaultRetryAfter;
        add(plan.headers, "Retry-After", std::to_string(wait.count()));
    }
    if (request.method == RequestHead::Method::Head) plan.text.clear();
    return plan;
}

AnswerPlan planRefusal(int status, const std::string& message, const std::string& requestId) {
    AnswerPlan plan;
    plan.status = status;
    plan.mustClose = true;
    setBody(plan,
            status == 408   ? "REQUEST_TIMEOUT"
            : status == 431 ? "REQUEST_TOO_LARGE"
                            : "REQUEST_INVALID",
            message, requestId);
    return plan;
}

const char* reasonPhrase(int status) noexcept {
    switch (status) {
    case 200:
        return "OK";
    case 206:
        return "Partial Content";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 416:
        return "Range Not Satisfiable";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    default:
        return "Error";
    }
}

} // namespace wasmproxy::host
