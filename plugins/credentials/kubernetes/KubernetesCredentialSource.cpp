// SPDX-License-Identifier: Apache-2.0
#include "KubernetesCredentialSource.h"

#include "wasmproxy/plugin/SecretUnknown.h"

#include <algorithm>
#include <optional>

namespace wasmproxy::kubernetes {
namespace {

ClusterConfig clusterOf(const KubernetesSettings& settings) {
    return settings.kubeconfig.given() ? ClusterConfig::fromKubeconfig(settings.kubeconfig)
                                       : ClusterConfig::inCluster();
}

std::string nameSpaceOf(const KubernetesSettings& settings, const ClusterConfig& cluster) {
    if (settings.nameSpace.given()) return settings.nameSpace;
    if (cluster.nameSpace.empty())
        throw Error(ErrorCode::SettingsInvalid,
                    settings.kubeconfig.given()
                        ? "kubeconfig " + settings.kubeconfig.get() + " names no namespace in its current context"
                        : "the pod's service account folder holds no file `namespace`",
                    "set namespace to the one whose Secrets are to be read");
    return cluster.nameSpace;
}

std::string shown(const std::string& name) {
    std::string result = name.substr(0, 80);
    for (char& c : result)
        if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    return result;
}

Error unusable(const std::string& title, const PullSecret& secret) {
    return Error(ErrorCode::CredentialSourceFault, title + " gives no credential: " + secret.unusable);
}

} // namespace

KubernetesCredentialSource::KubernetesCredentialSource(HostServices& host, std::unique_ptr<KubernetesSettings> settings)
    : KubernetesCredentialSource(host, std::move(settings), Bounds()) {}

KubernetesCredentialSource::KubernetesCredentialSource(HostServices& host, std::unique_ptr<KubernetesSettings> settings,
                                                       const Bounds& bounds)
    : _settings(std::move(settings)),
      _bounds(bounds),
      _client(host, clusterOf(*_settings)),
      _nameSpace(nameSpaceOf(*_settings, _client.config())),
      _kept(_settings->secrets->begin(), _settings->secrets->end()),
      _names(_client, _nameSpace, bounds.timing, bounds.names) {
    _names.keep(_kept);
    if (!_settings->serviceAccount.get().empty())
        _account = std::make_unique<AccountWatch>(_client, _nameSpace, _settings->serviceAccount.get(), bounds.timing);
    if (!_settings->all && _settings->selector.get().empty()) return;
    host.log(LogLevel::Warning, std::string(_settings->all ? "all" : "selector") + " needs a Role with the rule " +
                                    ApiResource::secrets(_nameSpace).rule("list, watch", {}) +
                                    ", which opens every Secret of namespace " + _nameSpace +
                                    "; `secrets` needs only those it names");
    for (const char* type : {PullSecret::DockerConfigJson, PullSecret::DockerCfg})
        _selected.push_back(std::make_unique<SecretWatch>(
            _client, _nameSpace, Selection{{}, std::string("type=") + type, _settings->selector.get()},
            SecretWatch::Use::Everywhere, bounds.timing));
}

std::vector<Credential> KubernetesCredentialSource::find(Call& call, const CredentialQuery& query) {
    return query.secretName.empty() ? findChosen(call, query.repository) : findNamed(call, query);
}

std::vector<Credential> KubernetesCredentialSource::findNamed(Call& call, const CredentialQuery& query) {
    const std::string& name = query.secretName;
    if (!isObjectName(name))
        throw Error(ErrorCode::CredentialSourceFault, "\"" + shown(name) + "\" cannot be a Secret's name");
    const auto watch = _names.watch(name);
    if (!watch->await(call, latest(call))) {
        const auto why = watch->whyUnknown();
        // A Role names the Secrets of its own namespace: one that it leaves out is another source's.
        if (watch->refused()) throw SecretUnknown(why.what(), why.hint());
        throw why;
    }
    const auto secrets = watch->secrets();
    const auto found = secrets->find(name);
    if (found == secrets->end())
        throw SecretUnknown(titleOf(name) + " does not exist",
                            "create it: kubectl -n " + _nameSpace + " create secret docker-registry " + name + " …");
    const PullSecret& secret = *found->second;
    if (secret.bare) return {*secret.bare};
    if (!secret.unusable.empty()) throw unusable(titleOf(name), secret);
    auto result = matchingCredentials(secret.entries, query.repository);
    if (result.empty())
        throw Error(ErrorCode::CredentialSourceFault, titleOf(name) + " has no credential for " +
                                                          query.repository.str() + "; it is for " +
                                                          secret.registries());
    return result;
}

std::vector<Credential> KubernetesCredentialSource::findChosen(Call& call, const Repository& repository) {
    const auto until = latest(call);
    std::optional<Error> trouble;
    std::set<std::string> seen;
    std::vector<CredentialEntry> matching;
    const auto take = [&](SecretWatch& watch, bool named) {
        if (!watch.await(call, until)) {
            if (!trouble) trouble = watch.whyUnknown();
            return;
        }
        const auto secrets = watch.secrets();
        for (const auto& [name, secret] : *secrets) {
            if (!seen.insert(name).second) continue;
            if (named && secret->malformed && !trouble) trouble = unusable(titleOf(name), *secret);
            for (const CredentialEntry& entry : secret->entries)
                if (entry.pattern.matches(repository)) matching.push_back(entry);
        }
    };
    std::vector<std::string> names;
    try {
        names = chosenNames(call, until);
    } catch (const Error& error) {
        trouble = error;
        names = _settings->secrets;
    }
    for (const std::string& name : names)
        take(*_names.watch(name), true);
    for (const auto& watch : _selected)
        take(*watch, false); // a label on somebody's broken Secret must not stop everything
    // A Secret that cannot be read does not take the others away, but without it absence is not proved.
    if (matching.empty() && trouble) throw *trouble;
    return matchingCredentials(matching, repository);
}

/// Those of `secrets` and of the service account, in this order.
std::vector<std::string> KubernetesCredentialSource::chosenNames(const Call& call, Call::Clock::time_point until) {
    std::vector<std::string> names = _settings->secrets;
    if (!_account) return names;
    if (!_account->await(call, until)) throw _account->whyUnknown();
    for (const std::string& name : _account->names())
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    const std::set<std::string> kept(names.begin(), names.end());
    const std::lock_guard<std::mutex> lock(_mutex);
    if (kept != _kept) {
        _names.keep(kept);
        _kept = kept;
    }
    return names;
}

Call::Clock::time_point KubernetesCredentialSource::latest(const Call& call) const {
    return std::min(call.deadline(), Call::Clock::now() + _bounds.wait);
}

} // namespace wasmproxy::kubernetes
