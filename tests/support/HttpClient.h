// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::test {

struct HttpAnswer {
    int status = 0;    ///< 0: no complete head came
    std::string error; ///< why there is no head or the body is cut
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    bool cut = false;     ///< the body ended before its end
    double seconds = 0.0; ///< until the end

    std::string header(const std::string& name) const; ///< the first, case-insensitive; "" if absent
};

/// HTTP/1.1 over a plain, blocking socket, one connection per request. Written for tests, so that the proxy is judged
/// by nothing that it is made of. Adds no header but Host.
class HttpClient {
public:
    using Headers = std::vector<std::pair<std::string, std::string>>;

    /// `host` is a name or an IPv4 address.
    HttpClient(std::string host, int port) : _host(std::move(host)), _port(port) {}
    explicit HttpClient(int port) : HttpClient("127.0.0.1", port) {}

    /// `timeout` covers connection, head and body. Never throws for what the server does.
    HttpAnswer send(const std::string& method, const std::string& target, const Headers& headers = {},
                    std::chrono::milliseconds timeout = std::chrono::seconds(10), const std::string& body = "") const;
    HttpAnswer get(const std::string& target, const Headers& headers = {},
                   std::chrono::milliseconds timeout = std::chrono::seconds(10)) const {
        return send("GET", target, headers, timeout);
    }

private:
    std::string _host;
    int _port;
};

} // namespace wasmproxy::test
