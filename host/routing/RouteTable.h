// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freshness/Freshness.h"
#include "routing/Pattern.h"
#include "wasmproxy/plugin/RegistryBackend.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// Where content may be fetched instead of from the registry itself. A mirror never says what a tag means, and is shown
/// only credentials for its own host.
struct Mirror {
    std::string name;                   ///< of its [backend.x]
    std::string host;                   ///< of its endpoint: what its credentials are looked up by
    RegistryBackend* backend = nullptr; ///< owned by Host
};

/// Which backend, credentials and rules serve the repositories of one pattern. Immutable once in a RouteTable.
struct Route {
    std::string name;
    Pattern pattern;
    std::string backendName;
    RegistryBackend* backend = nullptr;   ///< owned by Host, outlives the table
    std::vector<std::string> credentials; ///< names of configured credential sources, in the order they are asked
    bool anonymous = false;
    std::chrono::milliseconds tagTtl{60000};
    std::chrono::milliseconds staleIfError{std::chrono::hours(24 * 7)};
    std::vector<Mirror> mirrors = {}; ///< asked for content in this order, before the backend
    bool alwaysAsk = false;           ///< `pull-policy = always`
    std::string ownIdentity = {};     ///< source of the backend's own credential, for its registry and never a mirror
    std::vector<std::string> standardCredentials = {}; ///< where a Secret that `credentials` have not is looked for

    /// The sources to ask for the registry's credentials, or for those of one Secret, in order.
    std::vector<std::string> sources(const std::string& secret = {}) const;

    /// What a tag means is asked for before it is used, but a registry no more than once a second: `always`.
    FreshnessRules freshness(bool always = false) const {
        return {always || alwaysAsk ? std::min(tagTtl, std::chrono::milliseconds(1000)) : tagTtl, staleIfError};
    }
};

/// Deny by default: a repository without a route is served to nobody. Immutable, thread-safe.
class RouteTable {
public:
    explicit RouteTable(std::vector<Route> routes);

    /// The most specific match; nullptr: none. It may outlive the table, its backend may not be asked then.
    std::shared_ptr<const Route> find(const Repository& repository) const;
    const std::vector<std::shared_ptr<const Route>>& routes() const noexcept { return _routes; }

private:
    std::vector<std::shared_ptr<const Route>> _routes; // most specific first
};

} // namespace wasmproxy::host
