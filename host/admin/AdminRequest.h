// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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

/// What an actor may do, and what an operation needs. Operate includes Read.
enum class AdminRole { Read, Operate };

/// A request as an endpoint sees it; what is wrong with the HTTP itself was refused before, and who may not was, too.
struct AdminRequest {
    std::string method;                          ///< of the operation: GET also for HEAD
    std::string path;                            ///< as it was sent; `segments` are decoded
    std::map<std::string, std::string> query;    ///< decoded; the first of repeated names
    std::map<std::string, std::string> segments; ///< of the operation's path, decoded: {"name": "authz"}
    std::string host;                            ///< of the Host header
    std::string origin;
    std::string body;                   ///< JSON of at most the operation's limit; empty: none
    std::string bodyFile;               ///< path of the body, for operations with `toFile`; removed afterwards
    std::shared_ptr<const void> upload; ///< whoever keeps this, keeps the place among the bodies in files
    std::string ifMatch;                ///< header If-Match
    std::string ifNoneMatch;            ///< header If-None-Match
    std::string actor;                  ///< who: "loopback", "token NAME", "certificate NAME"
    AdminRole role = AdminRole::Read;   ///< what the actor may do
    std::string caller;                 ///< address
    std::string requestId;
    StopSignal* stop = nullptr; ///< raised when the server stops; never null in a request that was received

    std::string parameter(const std::string& name) const { return valueOf(query, name); }
    /// Of the operation's path: segment("name") for "/api/v1/extensions/{name}".
    std::string segment(const std::string& name) const { return valueOf(segments, name); }

private:
    static std::string valueOf(const std::map<std::string, std::string>& values, const std::string& name) {
        const auto found = values.find(name);
        return found == values.end() ? std::string() : found->second;
    }
};

struct AdminAnswer {
    int status = 200;
    std::string body;
    std::string contentType = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string file;                      ///< path; its bytes are sent instead of `body`
    std::shared_ptr<const void> fileOwner; ///< kept until they are sent: what removes a temporary file
    std::string job;                       ///< id of the job that was started, for the audit log
    std::string audited;                   ///< what the path does not say it was done to, for the audit log

    static AdminAnswer json(const Poco::JSON::Object& body, int status = 200);
    /// The one shape of errors. Unlike the data plane it tells cause and hint: who reads it operates the proxy.
    static AdminAnswer of(const Error& error, const std::string& requestId);
    static AdminAnswer refusal(int status, const std::string& code, const std::string& message,
                               const std::string& requestId, const std::string& hint = {});
    /// Of the exception that is being handled; one that is no Error is a fault of ours, which only the log tells.
    static AdminAnswer ofException(const AdminRequest& request) noexcept;
};

/// Called on any thread, several at once; may wait, and must stop waiting when request.stop is raised. What it throws
/// becomes an answer: an Error with its own status, anything else 500.
using AdminHandler = std::function<AdminAnswer(const AdminRequest&)>;

/// One method of one path. A GET changes nothing and has the role Read unless what it tells is for operators only.
struct AdminOperation {
    std::string method; ///< "GET" (HEAD goes with it), "POST", "PUT", "DELETE"
    std::string path;   ///< "/api/v1/extensions/{name}"; a last segment "{name...}" takes the rest with its slashes
    AdminRole role = AdminRole::Operate; ///< needed
    AdminHandler handler;
    std::uint64_t bodyLimit = 0; ///< bytes; 0: a body is refused
    bool toFile = false;         ///< the body is an archive and goes to AdminRequest::bodyFile
};

} // namespace wasmproxy::host
