// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "EcrSettings.h"
#include "TokenApi.h"

#include "wasmproxy/aws/CredentialChain.h"
#include "wasmproxy/plugin/CredentialSource.h"

#include <atomic>
#include <mutex>

namespace wasmproxy::ecr {

/// The identity that this process has at AWS, as the credential of ECR registries. One token for each region, renewed
/// at half its life; while renewal fails the old one is handed out as long as it lives. Thread-safe.
class EcrIdentity : public CredentialSource {
public:
    EcrIdentity(HostServices& host, const EcrSettings& settings, const aws::Environment& environment);

    /// None for registries that are not ECR, and where there is no identity (looked for again after a minute).
    std::vector<Credential> find(Call& call, const CredentialQuery& query) override;
    /// Instead of `refused`, which was found here before, a new one; any other credential comes back as it is.
    Credential renewed(Call& call, const Repository& repository, const Credential& refused);

private:
    struct Nobody {}; ///< thrown where no link has credentials; no Error, so that each waiting thread sees it itself

    std::optional<EcrHost> registryOf(const Repository& repository) const;
    Credential credentialOf(Call& call, const EcrHost& registry);
    Token obtain(Call& call, const EcrHost& registry);
    TokenCache::Key keyOf(const EcrHost& registry) const;
    std::string nameOf(const EcrHost& registry) const;

    HostServices& _host;
    const std::string _region; ///< the setting
    const aws::CredentialChain _chain;
    const TokenApi _api;
    TokenCache _tokens;
    std::atomic<bool> _known{false}; ///< there has been an identity: that it is gone is a fault from then on
    std::mutex _mutex;
    Call::Clock::time_point _nobodyUntil;
};

} // namespace wasmproxy::ecr
