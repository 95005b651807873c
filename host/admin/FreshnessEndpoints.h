// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class AdminServer;
class Prefetch;
class TagMoves;

/// GET /api/v1/events: tags that moved; GET /api/v1/prefetch: what is pulled before anybody asks, and how far that is.
class FreshnessEndpoints {
public:
    /// Both outlive the server.
    FreshnessEndpoints(const TagMoves& moves, const Prefetch& prefetch) : _moves(&moves), _prefetch(&prefetch) {}
    void addTo(AdminServer& server) const;

private:
    AdminAnswer events(const AdminRequest& request) const;
    AdminAnswer prefetch(const AdminRequest& request) const;

    const TagMoves* _moves;
    const Prefetch* _prefetch;
};

} // namespace wasmproxy::host
