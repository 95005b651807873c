// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/Challenge.h"
#include "wasmproxy/distribution/RealmRules.h"
#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Credential.h"

#include <string>
#include <vector>

namespace wasmproxy {

/// Turns a Credential into an `Authorization` header, by way of the token service that a Bearer challenge names.
/// Thread-safe. Sources: distribution's token and oauth2 specifications.
class BearerAuthorizer {
public:
    /// Who asks for what: the parts of a token request that are not the registry's words.
    struct Subject {
        const Repository& repository; ///< for messages
        HttpUrl registry;             ///< its API
        std::string path;             ///< at that API
        const Credential& credential;
    };

    struct Authorization {
        Secret header;       ///< the value of `Authorization`; empty: go without
        bool fresh = true;   ///< made now; false: from the cache and perhaps stale
        TokenCache::Key key; ///< of the token; empty where there is none
        Secret token;
    };

    BearerAuthorizer(HostServices& host, RealmRules realms);

    /// Answers a Bearer challenge. `scopes` are asked for in that order. Throws Error: CredentialRefused,
    /// RepositoryDenied, TooManyRequests, UpstreamInvalid (also for a realm that may not have the credential), …
    Authorization authorize(Call& call, const Subject& subject, const Challenge& challenge,
                            const std::vector<std::string>& scopes);
    /// The registry refused it.
    void forget(const Authorization& refused);

    /// Answers a Basic challenge. Throws Error{CredentialRefused} for a credential that has no user name and password.
    static Authorization basic(const Subject& subject);

    /// What to ask for when `challenge`, which was given for `challengedPath`, is answered for `path`: its own scopes
    /// with the repository put in, and of their actions only pull.
    static std::vector<std::string> scopesFor(const Challenge& challenge, const std::string& challengedPath,
                                              const std::string& path);

private:
    HostServices& _host;
    RealmRules _realms;
    TokenCache _tokens;
};

} // namespace wasmproxy
