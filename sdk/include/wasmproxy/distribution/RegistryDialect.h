// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/ErrorCode.h"
#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/Credential.h"
#include "wasmproxy/plugin/HttpTransport.h"

#include <optional>
#include <string>

namespace wasmproxy {

/// What differs from one registry to the next. The defaults are those of the distribution specification; a backend
/// overrides what its registry does otherwise. Owned by a DistributionBackend; all methods are called by many threads.
class RegistryDialect {
public:
    RegistryDialect() = default;
    virtual ~RegistryDialect() = default;
    RegistryDialect(const RegistryDialect&) = delete;
    RegistryDialect& operator=(const RegistryDialect&) = delete;

    /// Host (and port) that serves the API of this repository's registry. The setting `endpoint` comes before it.
    virtual std::string apiHost(const Repository& repository) const { return repository.host(); }

    /// The repository's path at that API: what stands between `/v2/` and `/manifests/`, and in token scopes.
    virtual std::string apiPath(const Repository& repository) const { return repository.path(); }

    /// May the token service at `realmHost` be sent the credentials of the registry at `apiHost`? Asked only where
    /// neither is of the other's domain. Both without port.
    virtual bool knowsRealm(const std::string& apiHost, const std::string& realmHost) const {
        static_cast<void>(apiHost);
        static_cast<void>(realmHost);
        return false;
    }

    /// What to show to the registry for `credential`: a registry whose credentials are made by a cloud API makes (and
    /// keeps) them here. `renew`: the one given before is no longer accepted.
    virtual Credential credentialFor(Call& call, const Repository& repository, const Credential& credential,
                                     bool renew) {
        static_cast<void>(call);
        static_cast<void>(repository);
        static_cast<void>(renew);
        return credential;
    }

    /// Does this refusal of an authorised request mean "expired, authenticate once more"? A 401 to a cached token is
    /// treated so without asking. `message` is the first error's, empty after HEAD.
    virtual bool saysExpired(int status, const std::string& message) const {
        static_cast<void>(status);
        static_cast<void>(message);
        return false;
    }

    /// The registry's own refusal, after all that could be done about it.
    struct Refusal {
        int status = 0;
        ErrorCode code = ErrorCode::Internal; ///< what the specification makes of it
        Credential::Kind credential = Credential::Kind::Anonymous;
        bool byToken = false;                    ///< shown was a token from its token service
        std::optional<std::string> tokenSubject; ///< a JWT's `sub`, for whom it is: "" for nobody; nullopt: opaque
    };

    /// What the refusal means. Told apart must be CredentialRefused, after which nothing is asked with that credential
    /// of any repository there for a while, and RepositoryDenied, which is about one.
    virtual ErrorCode codeOf(const Refusal& refusal) const { return refusal.code; }

    /// Sees the head of every answer of the registry itself, redirects and refusals included, never that of a storage
    /// or token service. Does not throw.
    virtual void observe(const Repository& repository, const HttpResponse& response) {
        static_cast<void>(repository);
        static_cast<void>(response);
    }
};

} // namespace wasmproxy
