// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpTransport.h"

#include <curl/curl.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>

namespace wasmproxy::host {

/// A host as it is compared: lower case, no brackets, no trailing dot, IPv6 literals in their shortest form.
std::string normalisedHost(std::string_view host);

/// The address that `host` is a literal of (normalised form), if it is one.
std::optional<sockaddr_storage> literalAddress(const std::string& host);

/// Where a request goes, parsed once by the parser that also dials.
class Target {
public:
    /// Throws Error{Internal} for a URL that is not absolute http(s), or has user info, a fragment, a space, a control
    /// character or a non-ASCII byte. The message never shows the query.
    explicit Target(const std::string& url);

    CURLU* handle() const noexcept { return _url.get(); }
    const std::string& host() const noexcept { return _host; }            ///< normalised
    const std::string& hostAndPort() const noexcept { return _hostPort; } ///< for people: "ghcr.io:443", "[::1]:80"
    const std::string& registry() const noexcept { return _registry; }    ///< port only where the URL has one
    unsigned port() const noexcept { return _port; }
    /// Scheme, host and port: what a kept connection can serve.
    const std::string& origin() const noexcept { return _origin; }

private:
    std::string part(CURLUPart what, unsigned flags = 0) const;

    std::unique_ptr<CURLU, void (*)(CURLU*)> _url;
    std::string _host;
    std::string _hostPort;
    std::string _registry;
    std::string _origin;
    unsigned _port = 0;
};

} // namespace wasmproxy::host
