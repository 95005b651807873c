// SPDX-License-Identifier: Apache-2.0
#include "admin/RequestRules.h"

#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/String.h>
#include <Poco/URI.h>
#include <algorithm>

namespace wasmproxy::host {

namespace {

bool isLoopback(const std::string& host) {
    if (Poco::icompare(host, "localhost") == 0) return true;
    Poco::Net::IPAddress address;
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    return Poco::Net::IPAddress::tryParse(bracketed ? host.substr(1, host.size() - 2) : host, address) &&
           address.isLoopback() && (address.family() == Poco::Net::IPAddress::IPv6) == bracketed;
}

} // namespace

void readRequest(const Poco::Net::HTTPServerRequest& received, AdminRequest& request) {
    const std::string& method = received.getMethod();
    if (method.empty() || !std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) ||
        (received.getVersion() != "HTTP/1.1" && received.getVersion() != "HTTP/1.0"))
        throw RequestRefusal{400, "not an HTTP/1.1 request"};
    const std::string& target = received.getURI();
    if (target.empty() || target[0] != '/' || target.size() > 8192 ||
        std::any_of(target.begin(), target.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '#'; }))
        throw RequestRefusal{400, "the target must be a path"};
    int hosts = 0;
    int lengths = 0;
    for (const auto& [name, value] : received) {
        if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == ','; }) ||
            std::any_of(value.begin(), value.end(),
                        [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; }))
            throw RequestRefusal{400, "a header is malformed"};
        if (Poco::icompare(name, "Transfer-Encoding") == 0)
            throw RequestRefusal{400, "a request here has no Transfer-Encoding"};
        if (Poco::icompare(name, "Host") == 0) ++hosts;
        if (Poco::icompare(name, "Content-Length") == 0 && (++lengths > 1 || value != "0"))
            throw RequestRefusal{400, "a request here has no body"};
    }
    if (hosts != 1) throw RequestRefusal{400, "there must be one Host header"};
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    request.host = received.get("Host");
    request.origin = received.get("Origin", "");
    try {
        for (auto& [name, value] : Poco::URI(target).getQueryParameters())
            request.query.emplace(name, value);
    } catch (const Poco::Exception&) {
        throw RequestRefusal{400, "the query is malformed"};
    }
}

std::optional<AdminAnswer> refuseForeignPage(const AdminRequest& request, std::uint16_t port) {
    const auto denied = [&](const std::string& message) {
        return AdminAnswer::refusal(403, "DENIED", message, request.requestId);
    };
    const std::size_t colon = request.host.rfind(':');
    const bool withPort = colon != std::string::npos && request.host.find(']', colon) == std::string::npos;
    const std::string host = withPort ? request.host.substr(0, colon) : request.host;
    const std::string given = withPort ? request.host.substr(colon + 1) : "80";
    if (!isLoopback(host) || given != std::to_string(port))
        return denied("Host must be localhost or a loopback address, with port " + std::to_string(port));
    if (!request.origin.empty() && Poco::icompare(request.origin, "http://" + request.host) != 0)
        return denied("requests from pages of another origin are refused");
    return {};
}

} // namespace wasmproxy::host
