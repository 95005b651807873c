// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpUrl.h"

#include <functional>
#include <string>
#include <vector>

namespace wasmproxy {

/// Which token services a registry may send us, and with us its credentials, to. A realm is the registry's word; it is
/// believed only for the registry's own host, its registrable domain (inside a cluster: its namespace), hosts that the
/// operator listed and pairs that the dialect knows; unless listed, on the registry's own port or its scheme's.
/// Immutable, thread-safe.
class RealmRules {
public:
    /// Is `realmHost` a known token service of `registryHost`?
    using KnownPair = std::function<bool(const std::string& registryHost, const std::string& realmHost)>;

    /// `listed`: hosts of the setting `token-realms`.
    RealmRules(std::vector<std::string> listed, KnownPair known);

    /// The realm's URL if it may have the credentials of `registry`. Throws Error{UpstreamInvalid} that names both.
    HttpUrl admit(const HttpUrl& registry, const std::string& realm) const;

private:
    std::vector<std::string> _listed;
    KnownPair _known;
};

} // namespace wasmproxy
