// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include <string>

namespace wasmproxy {

/// What is shown to a registry. Value type; only `secret` is secret, the rest may be logged.
struct Credential {
    enum class Kind {
        Anonymous,     ///< explicitly none: ask without, and take an anonymous token if the registry hands one out
        Basic,         ///< user name and password (or personal access token, robot secret, …)
        IdentityToken, ///< an OAuth2 refresh token (docker config's `identitytoken`, user name `<token>`)
        BearerToken    ///< used as it is (docker config's `registrytoken`)
    };

    Kind kind = Kind::Anonymous;
    std::string name; ///< what an operator knows it by: "team: registry.example.com in docker-config.json"
    std::string username;
    Secret secret;

    /// Changes whenever kind, user name or secret change; not reversible (keyed per process). The key of token caches
    /// and of the memory of refused credentials.
    std::string fingerprint() const;

    static Credential anonymous() { return {Kind::Anonymous, "anonymous", {}, {}}; }
};

} // namespace wasmproxy
