// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/Pattern.h"
#include "wasmproxy/plugin/RegistryBackend.h"

#include <chrono>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Which backend, credentials and rules serve the repositories of one pattern. Immutable once in a RouteTable.
struct Route {
    std::string name;
    Pattern pattern;
    std::string backendName;
    RegistryBackend* backend = nullptr;   ///< owned by Host, outlives the table
    std::vector<std::string> credentials; ///< names of credential sources, in the order they are asked
    bool anonymous = false;
    std::chrono::milliseconds tagTtl{60000};
    std::chrono::milliseconds staleIfError{std::chrono::hours(24 * 7)};
};

/// Deny by default: a repository without a route is served to nobody. Immutable, thread-safe.
class RouteTable {
public:
    explicit RouteTable(std::vector<Route> routes);

    const Route* find(const Repository& repository) const; ///< the most specific match; nullptr: none
    const std::vector<Route>& routes() const noexcept { return _routes; }

private:
    std::vector<Route> _routes; // most specific first
};

} // namespace wasmproxy::host
