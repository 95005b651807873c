// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/HttpListener.h"

#include <functional>

namespace wasmproxy::host {

class Metrics;

struct Readiness {
    bool ready = false;
    std::string detail; ///< why not, or what is worth knowing
};

/// /healthz, /readyz and /metrics on threads of its own, so that no load on the other planes makes the process look
/// dead.
class HealthServer {
public:
    /// `readiness` is asked at each /readyz and must answer at once. Throws Error{SettingsInvalid}.
    HealthServer(const std::string& listen, Metrics& metrics, std::function<Readiness()> readiness);

    void start() { _listener.start(); } ///< throws Error{SettingsInvalid} naming the address
    void stop() { _listener.stop(); }
    std::uint16_t port() const { return _listener.port(); }

private:
    AdminAnswer answer(const AdminRequest& request) const;

    Metrics& _metrics;
    std::function<Readiness()> _readiness;
    HttpListener _listener;
};

} // namespace wasmproxy::host
