// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "AccountWatch.h"
#include "KubernetesSettings.h"
#include "SecretWatch.h"
#include "WatchedNames.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/HostServices.h"

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::kubernetes {

/// Credentials from the Secrets of one namespace. A query by name follows that Secret from then on; a query without a
/// name sees only what the settings chose. Thread-safe.
class KubernetesCredentialSource : public CredentialSource {
public:
    struct Bounds {
        WatchTiming timing;
        WatchedNames::Bounds names;
        std::chrono::milliseconds wait{10000}; ///< for a first list, at most
    };

    KubernetesCredentialSource(HostServices& host, std::unique_ptr<KubernetesSettings> settings);
    KubernetesCredentialSource(HostServices& host, std::unique_ptr<KubernetesSettings> settings, const Bounds& bounds);

    std::vector<Credential> find(Call& call, const CredentialQuery& query) override;

private:
    std::vector<Credential> findNamed(Call& call, const CredentialQuery& query);
    std::vector<Credential> findChosen(Call& call, const Repository& repository);
    std::vector<std::string> chosenNames(const Call& call, Call::Clock::time_point until);
    Call::Clock::time_point latest(const Call& call) const;
    std::string titleOf(const std::string& name) const { return "Secret " + _nameSpace + "/" + name; }

    const std::unique_ptr<KubernetesSettings> _settings;
    const Bounds _bounds;
    ApiClient _client;
    const std::string _nameSpace;
    std::mutex _mutex;
    std::set<std::string> _kept;
    WatchedNames _names;
    std::unique_ptr<AccountWatch> _account;
    std::vector<std::unique_ptr<SecretWatch>> _selected; ///< by type: no other Secret leaves the API server
};

} // namespace wasmproxy::kubernetes
