// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/RegistryPattern.h"
#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/HostServices.h"

#include "KvReader.h"
#include "PathTemplate.h"
#include "SecretCache.h"
#include "VaultClient.h"
#include "VaultSession.h"
#include "VaultSettings.h"

#include <memory>
#include <vector>

namespace wasmproxy::vault {

/// Credentials from the key-value engine of HashiCorp Vault or OpenBao. Thread-safe.
///
/// Vault knows no Kubernetes Secrets: a query by secretName finds nothing.
class VaultCredentialSource : public CredentialSource {
public:
    VaultCredentialSource(HostServices& host, std::unique_ptr<VaultSettings> settings);

    std::vector<Credential> find(Call& call, const CredentialQuery& query) override;

private:
    SecretCache::Reading read(Call& call, const std::string& path);
    bool serves(const Repository& repository) const;

    const std::unique_ptr<VaultSettings> _settings;
    const PathTemplate _path;
    std::vector<RegistryPattern> _registries;
    VaultClient _client;
    VaultSession _session;
    KvReader _reader;
    SecretCache _cache;
};

} // namespace wasmproxy::vault
