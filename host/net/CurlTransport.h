// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpTransport.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace wasmproxy::host {

/// How one backend instance reaches its registry.
struct TransportSettings {
    std::string caFile;                 ///< PEM, instead of the system's; empty: the system's
    std::string clientCertificate;      ///< PEM file
    std::string clientKey;              ///< PEM file
    std::string proxy;                  ///< URL; empty: none (the environment's proxies are not used)
    std::string noProxy;                ///< comma list of hosts
    std::set<std::string> trustedHosts; ///< host names the operator wrote, lower case, no port: dialled as written
    bool allowPrivateAddresses = false; ///< for hosts that are not trusted
    std::chrono::milliseconds connectTimeout{5000};
    std::chrono::milliseconds headTimeout{30000};  ///< from the request to the end of the response's head
    std::uint64_t lowSpeedBytes = 10 * 1024;       ///< per second; a body slower than this …
    std::chrono::milliseconds lowSpeedTime{10000}; ///< … for this long is given up
    std::size_t maxHeaderBytes = 64 * 1024;
    std::string instance; ///< the backend's name, for errors ("set backend.NAME.allow-private-addresses = true")
    /// Called once per answer or failure, from the calling thread: registry host, HTTP status (0: no answer), method.
    std::function<void(const std::string& host, int status, const std::string& method)> observer;
};

/// HttpTransport on libcurl. Each request in progress owns one multi handle (a lane) and drives it on the calling
/// thread while it waits and reads, so a slow reader is back-pressure; idle lanes are kept with their connections, and
/// no connection is ever shared with another instance. Never follows redirects, never uses the environment's proxies or
/// .netrc, HTTP/1.1 only, sends `Accept-Encoding: identity`. Behind a proxy, which resolves names itself, only literal
/// addresses can be vetted. The process must ignore SIGPIPE.
class CurlTransport : public HttpTransport {
public:
    explicit CurlTransport(TransportSettings settings);
    ~CurlTransport() override; ///< no request may be in progress

    std::unique_ptr<HttpResponse> send(Call& call, const HttpRequest& request) override;

private:
    struct Lanes;
    std::shared_ptr<Lanes> _lanes;
};

} // namespace wasmproxy::host
