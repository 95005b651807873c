// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"
#include "index/DigestIndex.h"

#include <Poco/JSON/Object.h>

#include <functional>
#include <memory>

namespace wasmproxy::host {

class AdminServer;
class CacheTiers;
struct Route;

/// The modules that are known, newest first, and the tags that name them.
class ModulesEndpoint {
public:
    /// The route that serves a repository now; nullptr: none.
    using FindRoute = std::function<std::shared_ptr<const Route>(const Repository&)>;

    /// Index and cache outlive the server.
    ModulesEndpoint(const DigestIndex& index, CacheTiers& cache, FindRoute findRoute)
        : _index(&index), _cache(&cache), _findRoute(std::move(findRoute)) {}
    void addTo(AdminServer& server) const;

private:
    AdminAnswer list(const AdminRequest& request) const;
    AdminAnswer inspect(const AdminRequest& request) const;
    AdminAnswer tags(const AdminRequest& request) const;
    Poco::JSON::Object describe(const ModuleRecord& record) const;
    bool matches(const ModuleRecord& record, const AdminRequest& request) const;
    const char* stateOf(const std::string& tag, const TagRecord& record) const;

    const DigestIndex* _index;
    CacheTiers* _cache;
    FindRoute _findRoute;
};

} // namespace wasmproxy::host
