// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"
#include "eviction/Purge.h"
#include "eviction/Scrub.h"

namespace wasmproxy::host {

class AdminServer;
class Evictor;
class Jobs;

/// What an operator does to what is cached: pins, purge, scrub, evict.
class StoreEndpoints {
public:
    struct Rooms {
        Jobs& jobs;
        DigestIndex& index;
        CacheTiers& cache;
        Evictor& evictor;
        Purge::Told told;
        std::uint64_t manifestBytes;
    };

    explicit StoreEndpoints(const Rooms& rooms) : _rooms(rooms) {} ///< all outlive the server
    void addTo(AdminServer& server) const;

private:
    AdminAnswer pins(const AdminRequest& request) const;
    AdminAnswer pin(const AdminRequest& request) const;
    AdminAnswer unpin(const AdminRequest& request) const;
    AdminAnswer remove(const AdminRequest& request) const;
    AdminAnswer purge(const AdminRequest& request) const;
    AdminAnswer scrub(const AdminRequest& request) const;
    AdminAnswer evict(const AdminRequest& request) const;
    using Select = std::function<Purge::Plan(const Purge&)>;
    AdminAnswer purging(const AdminRequest& request, const std::string& what, const Select& select) const;

    Rooms _rooms;
};

/// The digest in an operation's path or body: "sha256:…", or its hex digits alone as the API writes a module's. Throws
/// what Digest::parse() throws.
Digest parseDigest(const std::string& text);

} // namespace wasmproxy::host
