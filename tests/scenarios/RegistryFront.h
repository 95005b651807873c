// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/HttpClient.h"

#include <functional>
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

/// A registry as its own clients meet it, in front of a real docker-registry: it asks for tokens, hands them out,
/// refuses and limits with the exact words of Docker Hub or Harbor, and passes on what it admits.
class RegistryFront {
public:
    enum class Kind { DockerHub, Harbor };

    struct Request {
        std::string method;
        std::string target;
        std::string authorization;
    };
    struct Answer {
        int status = 200;
        HttpClient::Headers headers;
        std::string body;
    };
    /// May answer an admitted request in place of the registry: true.
    using Rule = std::function<bool(const Request&, Answer&)>;

    /// `behind`: the port of a docker-registry that knows robot with the password right.
    RegistryFront(Kind kind, int behind, std::string user, std::string password);
    ~RegistryFront();

    int port() const noexcept { return _port; }
    std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(_port); }
    void rule(Rule rule); ///< from now on; empty: none
    std::vector<Request> requests() const;
    std::size_t count(const std::string& method, const std::string& targetPart) const;
    void forget();

    void answer(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response);

private:
    Answer answerTo(const Request& request);
    Answer token(const Request& request) const;
    Answer pass(const Request& request) const;
    Answer challenge(const Request& request, bool known) const;

    const Kind _kind;
    const int _behind;
    const std::string _user;
    const std::string _password;
    int _port;
    mutable std::mutex _mutex;
    Rule _rule;
    std::vector<Request> _requests;
    std::unique_ptr<Poco::Net::HTTPServer> _server;
};

} // namespace wasmproxy::test
