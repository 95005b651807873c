// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRoutes.h"
#include "admin/HttpListener.h"

namespace wasmproxy::host {

/// The admin REST endpoints. No authentication yet, so on loopback only, and not for pages of other origins.
class AdminServer {
public:
    explicit AdminServer(const std::string& listen); ///< throws Error{SettingsInvalid}; also if not loopback

    /// Before start(). Throws std::logic_error as AdminRoutes::add.
    void add(AdminOperation operation) { _routes.add(std::move(operation)); }
    /// A GET with the role Read.
    void add(const std::string& path, AdminHandler handler) { add({"GET", path, AdminRole::Read, std::move(handler)}); }
    const std::deque<AdminOperation>& operations() const { return _routes.operations(); }

    void start() { _listener.start(); }
    void stop() { _listener.stop(); }
    std::uint16_t port() const { return _listener.port(); }

private:
    AdminAnswer answer(const AdminRequest& request) const;

    AdminRoutes _routes;
    HttpListener _listener; ///< last: its threads use the routes
};

} // namespace wasmproxy::host
