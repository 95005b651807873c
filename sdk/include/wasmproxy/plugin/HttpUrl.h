// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy {

/// An http or https URL as registries write them into realms and redirects, read strictly: no user info, no control
/// character, space or backslash, no host that reads differently elsewhere (`0x7f.1`, non-ASCII, `a..b`). Path and
/// query stay as written, since presigned ones must. Value type.
class HttpUrl {
public:
    /// Absolute. `what` names it in errors ("realm of registry.example.com"). Throws Error{UpstreamInvalid}, whose text
    /// shows nothing of the URL: it may be presigned.
    static HttpUrl parse(std::string_view text, const std::string& what);
    /// A `Location` seen at this URL: absolute or relative (RFC 3986, section 5.3). Throws as parse().
    HttpUrl resolve(std::string_view location, const std::string& what) const;

    const std::string& scheme() const noexcept { return _scheme; }
    bool secure() const noexcept { return _scheme == "https"; }
    /// Lower case, without brackets and trailing dot; an IPv6 address in its canonical form.
    const std::string& host() const noexcept { return _host; }
    int port() const noexcept { return _port; }
    bool isAddress() const noexcept { return _address; } ///< the host is an IP address
    /// An address that names this machine or its neighbourhood: loopback, private, link-local, unspecified, multicast.
    bool isPrivateAddress() const noexcept;
    bool isMetadataAddress() const noexcept;                       ///< a link-local address, or EC2's fd00:ec2::/32
    const std::string& target() const noexcept { return _target; } ///< path and query, begins with '/'

    std::string authority() const; ///< `host`, `host:port` where it is not the scheme's own, `[v6]:port`
    std::string origin() const { return _scheme + "://" + authority(); }
    std::string str() const { return origin() + _target; }
    std::string shown() const; ///< for messages: without the query, which may be a signature
    bool sameOrigin(const HttpUrl& other) const noexcept {
        return _scheme == other._scheme && _host == other._host && _port == other._port;
    }

private:
    HttpUrl() = default;
    void setAuthority(std::string_view text, const std::string& what);
    void setTarget(std::string_view text);

    std::string _scheme;
    std::string _host;
    int _port = 0;
    bool _address = false;
    std::string _target;
};

/// Everything but RFC 3986's unreserved characters as %XX.
std::string percentEncode(std::string_view text);

} // namespace wasmproxy
