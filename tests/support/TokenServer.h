// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Certificate.h"
#include "support/TemporaryFolder.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace Poco::Net {
class HTTPServer;
class HTTPServerRequest;
class HTTPServerResponse;
} // namespace Poco::Net

namespace wasmproxy::test {

/// Plays the token server of docker-registry's `auth.token`: RS256 tokens signed with a key made at the start.
class TokenServer {
public:
    struct Options {
        std::string service = "registry.test";
        std::string issuer = "tests";
        std::map<std::string, std::string> users; ///< and their passwords
        bool anonymous = false;                   ///< tokens with what is asked for, for those who show no credential
        int expiresIn = 300;                      ///< seconds
        std::string deniedPrefix = {};            ///< not empty: of repositories that no token is good for
    };

    explicit TokenServer(const Options& options);
    ~TokenServer();

    int port() const noexcept { return _port; }
    std::string realm(const std::string& host = "127.0.0.1") const;
    const std::string& service() const noexcept { return _options.service; }
    const std::string& issuer() const noexcept { return _options.issuer; }
    const std::string& certificateFile() const noexcept { return _certificateFile; } ///< PEM, for `rootcertbundle`

    void fail(int status); ///< from now on; 0: works again
    void setPassword(const std::string& user, const std::string& password);
    int requests() const;                    ///< all
    int refusals() const;                    ///< those with a wrong credential
    std::vector<std::string> scopes() const; ///< asked for, one per request

    void answer(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response);

private:
    std::string token(const std::string& user, const std::vector<std::string>& scopes) const;
    bool accepts(const Poco::Net::HTTPServerRequest& request, std::string& user) const;

    Options _options;
    Certificate _certificate;
    TemporaryFolder _folder;
    std::string _certificateFile;
    int _port;
    mutable std::mutex _mutex;
    int _failure = 0;
    int _requests = 0;
    int _refusals = 0;
    std::vector<std::string> _scopes;
    std::unique_ptr<Poco::Net::HTTPServer> _server;
};

} // namespace wasmproxy::test
