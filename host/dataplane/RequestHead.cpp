// SPDX-License-Identifier: Apache-2.0
#include "dataplane/RequestHead.h"

#include "dataplane/RequestGate.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace wasmproxy::host {

namespace {

namespace http = boost::beast::http;

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}
bool isAlphanumeric(char c) {
    return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A name or an address, and perhaps a port; nothing that a URL could be confused with.
bool isHost(std::string_view text) {
    std::size_t end = 0;
    if (!text.empty() && text[0] == '[') {
        end = text.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        for (std::size_t i = 1; i < end; ++i)
            if (!isAlphanumeric(text[i]) && text[i] != ':' && text[i] != '.') return false;
        ++end;
    } else {
        while (end < text.size() &&
               (isAlphanumeric(text[end]) || text[end] == '.' || text[end] == '-' || text[end] == '_'))
            ++end;
        if (end == 0) return false;
    }
    if (end == text.size()) return true;
    const std::string_view port = text.substr(end + 1);
    return text[end] == ':' && !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), isDigit);
}

bool isRequestId(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return isAlphanumeric(c) || c == '.' || c == '_' || c == '-';
    });
}

std::string_view view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

} // namespace

const char* readHead(std::string_view bytes, RequestHead& head) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(RequestGate::Limit + 1);
    boost::beast::error_code ec;
    const std::size_t used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
    // Two readers must agree on where the head ends, or the next request begins somewhere else for each of them.
    if (ec || !parser.is_header_done() || used != bytes.size()) return "the request's head is malformed";

    const auto& request = parser.get();
    const auto only = [&](http::field name, std::string& value) {
        value.clear();
        if (request.count(name) == 1) value = view(request[name]);
    };
    if (request.count(http::field::host) != 1 || !isHost(view(request[http::field::host])))
        return "there must be one Host header with a host name";
    if (request.count(http::field::transfer_encoding) != 0) return "a request here has no Transfer-Encoding";
    if (const auto count = request.count(http::field::content_length);
        count > 1 || (count == 1 && request[http::field::content_length] != "0"))
        return "a request here has no body";
    if (request.count(http::field::authorization) > 1) return "there may be only one Authorization header";

    head.method = request.method() == http::verb::get    ? RequestHead::Method::Get
                  : request.method() == http::verb::head ? RequestHead::Method::Head
                                                         : RequestHead::Method::Other;
    head.http10 = request.version() == 10;
    head.keepAlive = request.keep_alive();
    head.target = view(request.target());
    only(http::field::if_range, head.ifRange);
    only(http::field::range, head.range);
    const auto joined = [&](auto name) {
        std::string values;
        const auto listed = request.equal_range(name);
        for (auto it = listed.first; it != listed.second; ++it) {
            if (!values.empty()) values += ',';
            values += view(it->value());
        }
        return values;
    };
    head.ifNoneMatch = joined(http::field::if_none_match);
    head.requestId.clear();
    if (request.count("X-Request-Id") == 1 && isRequestId(view(request["X-Request-Id"])))
        head.requestId = view(request["X-Request-Id"]);
    head.trace =
        request.count("traceparent") == 1 ? Trace::parse(view(request["traceparent"]), joined("tracestate")) : Trace();
    return nullptr;
}

} // namespace wasmproxy::host
