// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/Extension.h"
#include "freshness/Freshness.h"
#include "routing/RouteTable.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace wasmproxy::host {

/// What is to be pulled, and by which right: a route's or an Extension's. Value type.
struct PullTarget {
    Reference reference;
    std::shared_ptr<const Route> route;                   ///< never null
    std::shared_ptr<const Extension> extension = nullptr; ///< nullptr: the route alone gives the right
    std::optional<Digest> module = std::nullopt;          ///< what the module's bytes must be

    /// Which Secret's credentials alone may be used; empty: all that the route's sources have.
    std::string secret() const { return extension ? extension->imagePullSecret : std::string(); }
    /// Pulled from an http(s) url, not from a registry.
    bool isFile() const { return extension && !extension->httpUrl.empty(); }
    /// The key of its Flight: what one credential scope pulls is answered to nobody of another.
    std::string key() const {
        return reference.str() + (module ? " " + module->str() : "") +
               (extension ? " for Extension " + extension->name : "") +
               (secret().empty() ? "" : " with Secret " + secret());
    }
    /// How long what a tag means is used without asking: the stricter policy of its Extension and its route counts.
    FreshnessRules rules() const {
        return route->freshness(extension && extension->pullPolicy == Extension::PullPolicy::Always);
    }
};

} // namespace wasmproxy::host
