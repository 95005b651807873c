// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionCatalog.h"
#include "pull/PullTarget.h"

#include <functional>

namespace wasmproxy::host {

/// Who may have what: deny by default, but for the repositories of routes and what Extensions name. Immutable but for
/// the catalog; thread-safe, never blocks.
class PullTargets {
public:
    /// The route of a repository that only an Extension permits: the backend that knows the host, all credential
    /// sources. Thread-safe.
    using UnroutedRoute = std::function<std::shared_ptr<const Route>(const Repository&)>;

    /// All outlive this.
    PullTargets(const RouteTable& routes, ExtensionCatalog& extensions, UnroutedRoute unrouted)
        : _routes(routes), _extensions(extensions), _unrouted(std::move(unrouted)) {}

    /// An Extension whose url this is goes first, the one with that Secret if one is named. All throw
    /// Error{RouteUnknown} that says what is missing.
    PullTarget byReference(const Reference& reference, const std::string& secret) const;
    PullTarget byUrl(const std::string& url, const std::string& secret) const;
    PullTarget byExtension(const std::string& name) const;
    /// Content that this repository was seen to hold; nullopt: nothing permits it any more.
    std::optional<PullTarget> byManifest(const Repository& repository, const Digest& manifest) const;

    ExtensionCatalog& extensions() const noexcept { return _extensions; }

private:
    using Extensions = std::vector<std::shared_ptr<const Extension>>;
    std::optional<PullTarget> ofExtensions(const Extensions& candidates, const std::string& secret) const;
    PullTarget of(const std::shared_ptr<const Extension>& extension) const;

    const RouteTable& _routes;
    ExtensionCatalog& _extensions;
    const UnroutedRoute _unrouted;
};

} // namespace wasmproxy::host
