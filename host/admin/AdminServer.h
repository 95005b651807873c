// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/HttpListener.h"

namespace wasmproxy::host {

/// The admin REST endpoints. No authentication yet, so on loopback only, and not for pages of other origins.
class AdminServer {
public:
    explicit AdminServer(const std::string& listen); ///< throws Error{SettingsInvalid}; also if not loopback

    /// `handler` answers `path` and what lies under it; it may be called by several threads at once, may wait, and must
    /// stop waiting when request.stop is raised. Before start().
    void add(const std::string& path, AdminHandler handler);

    void start() { _listener.start(); }
    void stop() { _listener.stop(); }
    std::uint16_t port() const { return _listener.port(); }

private:
    AdminAnswer answer(const AdminRequest& request) const;

    std::vector<std::pair<std::string, AdminHandler>> _routes;
    HttpListener _listener; ///< last: its threads use the routes
};

} // namespace wasmproxy::host
