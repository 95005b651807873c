// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace Poco::JSON {
class Object;
}

namespace wasmproxy {
class Error;
}

namespace wasmproxy::host {

class StopSignal;

/// A request as an endpoint sees it; what is wrong with the HTTP itself was refused before.
struct AdminRequest {
    std::string method;                       ///< GET or HEAD
    std::string path;                         ///< decoded by nobody: endpoints have plain names
    std::map<std::string, std::string> query; ///< decoded; the first of repeated names
    std::string host;                         ///< of the Host header
    std::string origin;
    std::string caller; ///< address
    std::string requestId;
    StopSignal* stop = nullptr; ///< raised when the server stops; never null in a request that was received

    std::string parameter(const std::string& name) const {
        const auto found = query.find(name);
        return found == query.end() ? std::string() : found->second;
    }
};

struct AdminAnswer {
    int status = 200;
    std::string body;
    std::string contentType = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;

    static AdminAnswer json(const Poco::JSON::Object& body); ///< 200
    /// The one shape of errors. Unlike the data plane it tells cause and hint: who reads it operates the proxy.
    static AdminAnswer of(const Error& error, const std::string& requestId);
    static AdminAnswer refusal(int status, const std::string& code, const std::string& message,
                               const std::string& requestId);
};

using AdminHandler = std::function<AdminAnswer(const AdminRequest&)>;

} // namespace wasmproxy::host
