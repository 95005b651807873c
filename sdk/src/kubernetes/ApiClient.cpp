// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/ApiClient.h"

#include "StatusText.h"
#include "wasmproxy/kubernetes/ApiError.h"
#include "wasmproxy/kubernetes/WipedBuffer.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>

namespace wasmproxy::kubernetes {
namespace {

constexpr std::size_t FirstPage = 250;
constexpr std::size_t MaxStatus = 64 * 1024;

StrictJson::Limits limits(std::size_t bytes) {
    StrictJson::Limits result;
    result.bytes = bytes;
    // Deeper than any reader of objects goes: one that is too deep for its reader must not hide the others of its list.
    result.depth = 1000;
    return result;
}

/// false: it has more than `limit` bytes.
bool readInto(WipedBuffer& text, HttpResponse& response, std::size_t limit) {
    char piece[16 * 1024];
    while (true) {
        const std::size_t count = response.read(piece, sizeof(piece));
        if (count == 0) return true;
        if (text.size() + count > limit) return false;
        text.append({piece, count});
        OPENSSL_cleanse(piece, count);
    }
}

} // namespace

struct ApiClient::Question {
    std::string verb;
    const ApiResource& resource;
    std::string name; ///< of one object, or what a list is narrowed to
    std::string path;
    std::string subresource = {};
    std::string method = "GET";
    std::string body = {};
    bool streaming = false;

    std::string title() const { return resource.title(name) + (subresource.empty() ? "" : " (" + subresource + ")"); }
};

ApiClient::ApiClient(HostServices& host, ClusterConfig config)
    : ApiClient(host, std::make_unique<ClusterAccess>(std::move(config))) {}

ApiClient::ApiClient(HostServices& host, std::unique_ptr<ClusterAccess> access)
    : _host(host), _access(std::move(access)) {}

StrictJson ApiClient::get(Call& call, const ApiResource& resource, const std::string& name) {
    const Question question{"get", resource, name, resource.path(name)};
    return read(*send(call, question), question);
}

StrictJson ApiClient::replace(Call& call, const ApiResource& resource, const std::string& name, const std::string& json,
                              const std::string& subresource) {
    const Question question{"update", resource, name, resource.path(name, subresource), subresource, "PUT", json};
    return read(*send(call, question), question);
}

std::string ApiClient::list(Call& call, const ApiResource& resource, const Selection& selection,
                            const std::function<void(const StrictJson&)>& visit) {
    std::size_t page = FirstPage;
    std::size_t seen = 0;
    std::string next;
    const std::string selected = selection.query();
    while (true) {
        const Question question{"list", resource, selection.name,
                                resource.path() + "?limit=" + std::to_string(page) +
                                    (selected.empty() ? "" : "&" + selected) +
                                    (next.empty() ? "" : "&continue=" + percentEncode(next))};
        WipedBuffer text;
        if (!readInto(text, *send(call, question), MaxPage)) {
            if (page == 1)
                throw Error(ErrorCode::UpstreamInvalid, "the list of " + question.title() +
                                                            " holds an object of more "
                                                            "than " +
                                                            std::to_string(MaxPage) + " bytes");
            page = std::max<std::size_t>(1, page / 4);
            continue;
        }
        const StrictJson answer = StrictJson::parse(text.view(), "the list of " + question.title(),
                                                    ErrorCode::UpstreamInvalid, limits(MaxPage));
        const StrictJson metadata = answer.at("metadata");
        if (const auto items = answer.find("items"))
            for (const StrictJson& object : items->items()) {
                if (++seen > MaxObjects)
                    throw Error(ErrorCode::UpstreamInvalid,
                                "there are more than " + std::to_string(MaxObjects) + " " + question.title());
                visit(object);
            }
        next = metadata.stringOr("continue", "");
        if (next.empty()) return metadata.stringOr("resourceVersion", "");
    }
}

std::unique_ptr<HttpResponse> ApiClient::watch(Call& call, const ApiResource& resource, const Selection& selection,
                                               const std::string& resourceVersion, std::chrono::seconds time) {
    const std::string selected = selection.query();
    Question question{"watch", resource, selection.name,
                      resource.path() + "?watch=1&resourceVersion=" + percentEncode(resourceVersion) +
                          "&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(time.count()) +
                          (selected.empty() ? "" : "&" + selected)};
    question.streaming = true;
    return send(call, question);
}

std::unique_ptr<HttpResponse> ApiClient::send(Call& call, const Question& question) {
    for (bool again = false;; again = true) {
        const Secret token = _access->token();
        HttpRequest request;
        request.method = question.method;
        request.url = _access->config().server + question.path;
        request.headers = {{"Accept", "application/json"}};
        if (!question.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
        request.body = question.body;
        request.streaming = question.streaming;
        request.tls = _access->tls();
        if (!token.empty()) {
            std::string& value = request.headers.emplace_back(HttpHeader{"Authorization", {}}).value;
            value.reserve(7 + token.reveal().size()); // one buffer, so that wiping it wipes all
            value.append("Bearer ").append(token.reveal());
        }
        std::unique_ptr<HttpResponse> response;
        try {
            response = _host.http().send(call, request);
        } catch (...) {
            Secret::wipe(request.headers.back().value);
            throw;
        }
        Secret::wipe(request.headers.back().value);
        if (response->status() / 100 == 2) return response;
        if (response->status() == 401 && !again && _access->refused(token)) continue;
        fail(*response, question);
    }
}

StrictJson ApiClient::read(HttpResponse& response, const Question& question) {
    WipedBuffer text;
    if (!readInto(text, response, MaxObject))
        throw Error(ErrorCode::UpstreamInvalid,
                    question.title() + " has more than " + std::to_string(MaxObject) + " bytes");
    return StrictJson::parse(text.view(), question.title(), ErrorCode::UpstreamInvalid, limits(MaxObject));
}

void ApiClient::fail(HttpResponse& response, const Question& question) {
    StatusText status;
    try {
        WipedBuffer text;
        if (readInto(text, response, MaxStatus))
            status = StatusText::of(StrictJson::parse(text.view(), "a Status", ErrorCode::UpstreamInvalid));
    } catch (const Error&) {
        status = {}; // the number says enough
    }
    status.code = response.status();
    status.waitAccording(response.header("Retry-After"));
    std::string hint;
    if (status.code == 403)
        hint = "let a Role that is bound to the user it names have the rule " +
               question.resource.rule(question.verb == "update" ? "get, update" : "get, list, watch", question.name,
                                      question.subresource);
    if (status.code == 401) hint = "the token is not accepted: has it expired, is it for this cluster?";
    throw status.error("the API server does not " + question.verb + " " + question.title(), hint);
}

} // namespace wasmproxy::kubernetes
