// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace wasmproxy::host {

class AdminTls;
struct AdminHead;

/// What becomes of a request whose head was read.
struct Admission {
    std::optional<AdminAnswer> refusal; ///< sent without reading a body
    AdminHandler handler;               ///< else called with the body
    bool bodyToFile = false;
    std::chrono::milliseconds bodyLimit{5000}; ///< in which the body must have come
};
/// Sees heads before any byte of a body is read. Throws like AdminHandler.
using AdminAdmit = std::function<Admission(const AdminHead&, AdminRequest&)>;

/// A small HTTP server for a few trusted clients, on Poco's TCPServer and HTTP sessions: a bounded number of threads
/// and waiting connections, one request per connection, and a deadline for all of it. One request, because Poco 1.11's
/// parser reads ambiguous requests in its own way: with nothing after it, there is nothing to smuggle.
class HttpListener {
public:
    struct Options {
        std::string name;   ///< of the setting, for errors: "admin.listen"
        std::string listen; ///< address and port
        int threads = 4;
        int waiting = 32; ///< connections; more are closed at once
        std::chrono::milliseconds headLimit{3000};
        std::chrono::milliseconds answerLimit{5000};
        std::shared_ptr<AdminTls> tls; ///< null: plain HTTP
        std::string uploadDirectory;   ///< of bodies that go to files
    };

    /// Throws Error{SettingsInvalid} where `listen` is not an address and a port.
    HttpListener(Options options, AdminAdmit admit);
    ~HttpListener(); ///< stop()

    void start(); ///< throws Error{SettingsInvalid} that names the address
    void stop();  ///< cuts what is open; within half a second of the handlers' return
    std::uint16_t port() const;
    bool onLoopback() const; ///< of the address that was asked for

private:
    class Connection;
    struct State;
    std::unique_ptr<State> _state;
};

} // namespace wasmproxy::host
