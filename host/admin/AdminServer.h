// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminAccess.h"
#include "admin/AdminOptions.h"
#include "admin/AdminRoutes.h"
#include "admin/HttpListener.h"

#include <atomic>
#include <memory>

namespace wasmproxy::host {

/// The admin REST endpoints. On loopback without more; elsewhere only with tokens or client certificates. Who asks is
/// settled before what he asks for is looked at, and both before a byte of a body is read. Every operation that changes
/// something is a line of the audit log. Strong ETags on what GET answers.
class AdminServer {
public:
    static constexpr int MaxUploads = 2; ///< bodies in files at a time

    /// Throws Error{SettingsInvalid} naming the setting.
    explicit AdminServer(const AdminOptions& options);
    explicit AdminServer(const std::string& listen); ///< without more: on loopback
    /// What the constructor would refuse of `options`, beside a `listen` that is no address; throws the same.
    static void check(const AdminOptions& options);

    /// Before start(). Throws std::logic_error as AdminRoutes::add.
    void add(AdminOperation operation) { _routes.add(std::move(operation)); }
    const std::deque<AdminOperation>& operations() const { return _routes.operations(); }

    void start() { _listener.start(); }
    void stop() { _listener.stop(); }
    std::uint16_t port() const { return _listener.port(); }

private:
    Admission admit(const AdminHead& head, AdminRequest& request);
    Admission admit(const AdminHead& head, AdminRequest& request, const AdminOperation& operation);
    AdminAnswer answer(const AdminRequest& request, const AdminOperation& operation) const;

    const AdminOptions _options;
    AdminAccess _access;
    AdminRoutes _routes;
    const std::shared_ptr<std::atomic<int>> _uploads = std::make_shared<std::atomic<int>>(0);
    HttpListener _listener; ///< last: its threads use the rest
};

} // namespace wasmproxy::host
