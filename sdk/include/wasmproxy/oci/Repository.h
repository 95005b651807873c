// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy {

/// Registry host and repository path: the unit of credentials, token scopes, routes and permissions. Value type.
///
/// The host is `name`, `name:port`, `1.2.3.4:port` or `[v6]:port`, lower-cased, a trailing dot removed, `:443` kept as
/// written. Docker Hub's aliases (`index.docker.io`, `registry-1.docker.io`) become `docker.io`, and a Docker Hub path
/// of one component gets `library/` in front, as every client does. The path follows OCI distribution-spec's grammar;
/// host + "/" + path is at most 255 characters.
class Repository {
public:
    Repository() = default;
    /// From its parts, checked and normalised. Throws Error{ReferenceInvalid}.
    Repository(std::string_view host, std::string_view path);

    const std::string& host() const noexcept { return _host; }
    const std::string& path() const noexcept { return _path; }
    std::string str() const { return _host + "/" + _path; } ///< canonical form
    std::string hostName() const;                           ///< the host without port and brackets

    friend bool operator==(const Repository& a, const Repository& b) {
        return a._host == b._host && a._path == b._path;
    }
    friend bool operator!=(const Repository& a, const Repository& b) { return !(a == b); }
    friend bool operator<(const Repository& a, const Repository& b) { return a.str() < b.str(); }

private:
    std::string _host;
    std::string _path;
};

} // namespace wasmproxy
