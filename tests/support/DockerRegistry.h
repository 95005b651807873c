// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Child.h"
#include "support/TemporaryFolder.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::test {

/// One line of a registry's access log.
struct LoggedRequest {
    enum class Kind { Base, Manifests, Blobs, Other };

    std::string method;
    std::string target; ///< "/v2/team/x/manifests/v1"
    int status = 0;
    std::string userAgent;
    Kind kind = Kind::Other;
};

/// Debian's docker-registry (distribution 2.8) on loopback, with its data in a temporary folder. Started by the
/// constructor, which returns when the port answers; throws std::runtime_error with the log when it does not.
class DockerRegistry {
public:
    struct Options {
        std::vector<std::pair<std::string, std::string>> users; ///< htpasswd authentication; empty: none
        std::string realm = "Registry";                         ///< of the Basic challenge

        std::string tokenRealm; ///< the token server's URL; not empty: token authentication
        std::string tokenService;
        std::string tokenIssuer;
        std::string tokenCertificates; ///< PEM file

        std::string certificate; ///< PEM files; not empty: TLS
        std::string key;
        std::string clientAuthority; ///< PEM file; not empty: clients must show a certificate that it signed
    };

    DockerRegistry() : DockerRegistry(Options()) {}
    explicit DockerRegistry(const Options& options);

    int port() const noexcept { return _port; }
    std::string host() const { return "127.0.0.1:" + std::to_string(_port); }
    void start(); ///< again, with the same data and port
    void stop();
    bool running() const noexcept { return _child != nullptr; }
    /// For good. A registry that runs with `users` reads them again at the next request.
    void setUsers(const std::vector<std::pair<std::string, std::string>>& users);

    /// What was logged since the last forget(), once the log has been quiet for a moment.
    std::vector<LoggedRequest> requests() const;
    /// Of those, how many match; an empty method and status 0 match all.
    std::size_t count(const std::string& method, LoggedRequest::Kind kind, int status = 0) const;
    void forget();
    std::string log() const { return readFile(_log); } ///< all of it, for a failing test's message

private:
    std::string configuration(const Options& options) const;
    std::string settledLog() const;

    TemporaryFolder _folder;
    int _port;
    std::string _log;
    std::string _configuration;
    std::size_t _forgotten = 0; ///< bytes of the log
    std::unique_ptr<Child> _child;
};

} // namespace wasmproxy::test
