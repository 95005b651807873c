// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/HostServices.h"

#include "Environment.h"
#include "GcrSettings.h"
#include "Identity.h"

#include <atomic>
#include <memory>

namespace wasmproxy::gcr {

/// The Google identity of this proxy as a source of credentials: a service account's key file, application default
/// credentials, or the metadata server. It has credentials for Google's registries and for no other host. Thread-safe.
class OwnIdentity : public CredentialSource {
public:
    /// `host` and `settings` outlive it.
    OwnIdentity(HostServices& host, const GcrSettings& settings, Environment environment);

    std::vector<Credential> find(Call& call, const CredentialQuery& query) override;

private:
    using WallTime = std::chrono::system_clock::time_point;

    struct Current {
        std::unique_ptr<Identity> identity;
        std::string fingerprint; ///< of what it is made of
        bool guessed = false;    ///< nobody said that there is one: it may be that this is no machine of Google's
    };

    Current current();
    Current fromFile(const std::string& path, const std::string& key, bool keyOnly) const;
    std::string metadataOrigin() const;
    Token guess(Call& call, const Identity& identity);

    HostServices& _host;
    const GcrSettings& _settings;
    const Environment _environment;
    TokenCache _tokens;
    std::atomic<bool> _answered{false};        ///< the metadata server is there
    std::atomic<std::int64_t> _nobodyUntil{0}; ///< seconds since 1970: before that it is not looked for again
};

} // namespace wasmproxy::gcr
