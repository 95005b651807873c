// SPDX-License-Identifier: Apache-2.0
#include "VaultCredentialSource.h"

#include <algorithm>

namespace wasmproxy::vault {

VaultCredentialSource::VaultCredentialSource(HostServices& host, std::unique_ptr<VaultSettings> settings)
    : _settings(std::move(settings)),
      _path(_settings->path.get()),
      _client(host, *_settings),
      _session(host, _client, *_settings),
      _reader(_client, *_settings),
      _cache(host, *_settings, [this](Call& call, const std::string& path) { return read(call, path); }) {
    for (const std::string& text : _settings->registry.get())
        if (auto pattern = RegistryPattern::parse(text)) _registries.push_back(std::move(*pattern));
}

std::vector<Credential> VaultCredentialSource::find(Call& call, const CredentialQuery& query) {
    if (!query.secretName.empty() || !serves(query.repository)) return {};
    return _cache.get(call, _path.expand(query.repository))->credentialsFor(query.repository);
}

bool VaultCredentialSource::serves(const Repository& repository) const {
    return _registries.empty() || std::any_of(_registries.begin(), _registries.end(),
                                              [&](const auto& pattern) { return pattern.matches(repository); });
}

SecretCache::Reading VaultCredentialSource::read(Call& call, const std::string& path) {
    for (bool again = false;; again = true) {
        const Secret token = _session.token(call);
        KvAnswer answer = _reader.read(call, path, token);
        const std::string where = answer.path + " in " + _client.name();
        if (answer.outcome == KvAnswer::Outcome::Refused) {
            const std::string message = "may not read " + where + " (" + answer.said + ")";
            const auto refusal = again ? VaultSession::Refusal::Denied : _session.refused(call, token);
            if (refusal == VaultSession::Refusal::TryAgain) continue;
            throw VaultFault(refusal == VaultSession::Refusal::Denied ? VaultFault::Reach::Denied
                                                                      : VaultFault::Reach::Path,
                             message, "add to the policy: path \"" + answer.path + R"(" { capabilities = ["read"] })");
        }
        SecretCache::Reading reading;
        reading.lease = answer.lease;
        if (answer.fields) {
            reading.secret =
                KnownSecret::parse(*answer.fields, *_settings, where, _path.namesHost() || !_registries.empty());
        } else if (answer.said.find(':') != std::string::npos) {
            // "no handler for route": there is no such engine, which is hardly meant.
            reading.secret.warnings.push_back(where + " is absent (" + answer.said + ")");
        }
        return reading;
    }
}

} // namespace wasmproxy::vault
