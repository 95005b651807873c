// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/oci/Reference.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// One entry of the catalog, checked: what Tetrate calls a WasmExtension. An Extension is its own permission: its url
/// needs no route. Immutable value.
struct Extension {
    enum class PullPolicy { IfNotPresent, Always };

    std::string name;   ///< metadata.name, a DNS subdomain
    std::string origin; ///< where it is written: a file's path, or "istio-system/authz"
    std::string url;    ///< as written, with its scheme

    /// What Flights, index and permissions know it by: the artifact of an oci:// url; for an http(s) url a name of its
    /// own, referenceOfUrl(), that no registry is asked for.
    Reference reference;
    std::string httpUrl; ///< an http(s) url, else empty

    PullPolicy pullPolicy = PullPolicy::IfNotPresent;
    std::string imagePullSecret;       ///< only this Secret's credentials are used; empty: the keychain's
    std::string secretIgnored() const; ///< why it has no effect; empty: it has, or there is none
    std::optional<Digest> sha256;      ///< the module's bytes must have it

    std::vector<std::string> allowedIn; ///< kept and listed; not enforced at fetch
    std::string phase;
    std::int64_t priority = 0;
    std::string description;
    std::string source;
    std::string config;   ///< JSON object, or empty
    std::string match;    ///< JSON, or empty
    std::string vmConfig; ///< JSON object, or empty
};

/// The reference that stands for an http(s) url: its host, a path that is the url's hash, the tag "current".
Reference referenceOfUrl(const std::string& url);

} // namespace wasmproxy::host
