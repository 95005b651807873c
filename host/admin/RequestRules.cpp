// SPDX-License-Identifier: Apache-2.0
#include "admin/RequestRules.h"

#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/String.h>
#include <Poco/URI.h>
#include <algorithm>
#include <array>

namespace wasmproxy::host {

namespace {

bool isLoopback(const std::string& host) {
    if (Poco::icompare(host, "localhost") == 0) return true;
    Poco::Net::IPAddress address;
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    return Poco::Net::IPAddress::tryParse(bracketed ? host.substr(1, host.size() - 2) : host, address) &&
           address.isLoopback() && (address.family() == Poco::Net::IPAddress::IPv6) == bracketed;
}

std::uint64_t lengthOf(const std::string& text) {
    if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
        throw RequestRefusal{400, "Content-Length is malformed"};
    return std::stoull(text);
}

std::string mediaType(const std::string& text) {
    return Poco::toLower(Poco::trim(text.substr(0, text.find(';'))));
}

bool isAddress(const std::string& host, const std::string& address) {
    Poco::Net::IPAddress named, own;
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    return Poco::Net::IPAddress::tryParse(bracketed ? host.substr(1, host.size() - 2) : host, named) &&
           Poco::Net::IPAddress::tryParse(address, own) && named == own;
}

bool anyOf(const std::vector<std::string>& list, const std::string& text) {
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string& each) { return Poco::icompare(each, text) == 0; });
}

} // namespace

AdminHead readRequest(const Poco::Net::HTTPServerRequest& received, AdminRequest& request) {
    const std::string& method = received.getMethod();
    if (method.empty() || !std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) ||
        (received.getVersion() != "HTTP/1.1" && received.getVersion() != "HTTP/1.0"))
        throw RequestRefusal{400, "not an HTTP/1.1 request"};
    const std::string& target = received.getURI();
    if (target.empty() || target[0] != '/' || target.size() > 8192 ||
        std::any_of(target.begin(), target.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '#'; }))
        throw RequestRefusal{400, "the target must be a path"};
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    for (const auto& [name, value] : received) {
        if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == ','; }) ||
            std::any_of(value.begin(), value.end(),
                        [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; }))
            throw RequestRefusal{400, "a header is malformed"};
        if (Poco::icompare(name, "Transfer-Encoding") == 0)
            throw RequestRefusal{411, "send the body with a Content-Length, without Transfer-Encoding"};
    }
    const auto once = [&](const char* name) {
        std::string text;
        int count = 0;
        for (const auto& [key, value] : received) {
            if (Poco::icompare(key, name) != 0) continue;
            if (++count > 1) throw RequestRefusal{400, std::string("there must be one header ") + name};
            text = value;
        }
        return std::make_pair(count == 1, text);
    };
    const auto host = once("Host");
    if (!host.first) throw RequestRefusal{400, "there must be one Host header"};
    request.host = host.second;
    request.origin = once("Origin").second;
    request.ifMatch = once("If-Match").second;
    request.ifNoneMatch = once("If-None-Match").second;
    AdminHead head;
    if (const auto length = once("Content-Length"); length.first) head.length = lengthOf(length.second);
    head.contentType = mediaType(once("Content-Type").second);
    head.authorization = once("Authorization").second;
    head.fetchSite = once("Sec-Fetch-Site").second;
    head.expectsContinue = Poco::icompare(once("Expect").second, "100-continue") == 0;
    try {
        for (auto& [name, value] : Poco::URI(target).getQueryParameters())
            request.query.emplace(name, value);
    } catch (const Poco::Exception&) {
        throw RequestRefusal{400, "the query is malformed"};
    }
    return head;
}

std::optional<AdminAnswer> refuseForeignPage(const AdminRequest& request, const AdminHead& head,
                                             const PageRules& rules) {
    const auto denied = [&](const std::string& message, const char* hint = "") {
        return AdminAnswer::refusal(403, "DENIED", message, request.requestId, hint);
    };
    const std::size_t colon = request.host.rfind(':');
    const bool withPort = colon != std::string::npos && request.host.find(']', colon) == std::string::npos;
    const std::string host = withPort ? request.host.substr(0, colon) : request.host;
    const std::string given = withPort ? request.host.substr(colon + 1) : head.secure ? "443" : "80";
    // Addresses cannot be re-pointed, so the one that was dialled may be named where others than loopback may come.
    const bool own = isLoopback(host) || (!rules.loopback && isAddress(host, head.localAddress));
    if (!(own && given == std::to_string(rules.port)) && (host.empty() || !anyOf(rules.hosts, host)) &&
        !anyOf(rules.hosts, host + ":" + given))
        return denied("Host must be localhost or an address of the listener, with port " + std::to_string(rules.port),
                      "other names are allowed by admin.hosts");
    const std::string scheme = head.secure ? "https://" : "http://";
    const bool known = anyOf(rules.origins, request.origin);
    if (!request.origin.empty() && !known && Poco::icompare(request.origin, scheme + request.host) != 0)
        return denied("requests from pages of another origin are refused");
    if (!known && (head.fetchSite == "cross-site" || head.fetchSite == "same-site"))
        return denied("requests from pages of another origin are refused");
    return {};
}

std::optional<AdminAnswer> refuseBody(const AdminRequest& request, const AdminHead& head,
                                      const AdminOperation& operation) {
    static const std::array<const char*, 6> archives{"application/octet-stream", "application/x-tar",
                                                     "application/gzip",         "application/zstd",
                                                     "application/wasm",         "application/vnd.oci.image.layout"};
    const auto refusal = [&](int status, const char* code, const std::string& message) {
        return AdminAnswer::refusal(status, code, message, request.requestId);
    };
    // Without a body, too: what pages can send in the name of a visitor has a form's type.
    const bool json = head.contentType == "application/json";
    const bool archive =
        operation.toFile && std::find(archives.begin(), archives.end(), head.contentType) != archives.end();
    if (operation.method != "GET" && !head.contentType.empty() && !json && !archive)
        return refusal(415, "UNSUPPORTED",
                       operation.toFile ? "send the archive as application/octet-stream"
                                        : "send JSON, with Content-Type: application/json");
    if (!head.hasBody()) return {};
    if (operation.bodyLimit == 0) return refusal(400, "REQUEST_INVALID", "this operation takes no body");
    if (*head.length > operation.bodyLimit)
        return refusal(413, "SIZE_INVALID", "the body has more than " + std::to_string(operation.bodyLimit) + " bytes");
    if (operation.toFile ? !archive : !json)
        return refusal(415, "UNSUPPORTED",
                       operation.toFile ? "send the archive as application/octet-stream"
                                        : "send JSON, with Content-Type: application/json");
    return {};
}

} // namespace wasmproxy::host
