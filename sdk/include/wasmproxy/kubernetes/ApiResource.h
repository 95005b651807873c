// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy::kubernetes {

/// One kind of objects in one namespace. Value type.
struct ApiResource {
    std::string group; ///< empty: the core group
    std::string version = "v1";
    std::string nameSpace; ///< empty: cluster-wide
    std::string plural;    ///< "secrets"

    static ApiResource secrets(const std::string& nameSpace) { return {"", "v1", nameSpace, "secrets"}; }

    std::string path() const; ///< "/api/v1/namespaces/istio-system/secrets"
    std::string path(const std::string& name, const std::string& subresource = {}) const;
    /// For messages: `secrets "regcred" of namespace istio-system`; `name` may be empty.
    std::string title(const std::string& name) const;
    /// The line of a Role that allows it: `{apiGroups: [""], resources: [secrets], resourceNames: […], verbs: [get]}`.
    std::string rule(const std::string& verbs, const std::string& name, const std::string& subresource = {}) const;
};

/// Which of them. Empty: all.
struct Selection {
    std::string name;   ///< metadata.name; a Role with resourceNames is enough for it
    std::string fields; ///< further field selector, "type=kubernetes.io/dockercfg"
    std::string labels; ///< label selector

    std::string query() const; ///< "fieldSelector=…&labelSelector=…", encoded
};

/// A name that an object can have (DNS-1123 subdomain, at most 253 characters).
bool isObjectName(std::string_view name) noexcept;
/// A name that a namespace can have (DNS-1123 label, at most 63 characters).
bool isNamespaceName(std::string_view name) noexcept;

} // namespace wasmproxy::kubernetes
