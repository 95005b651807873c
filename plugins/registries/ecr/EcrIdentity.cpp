// SPDX-License-Identifier: Apache-2.0
#include "EcrIdentity.h"

#include "wasmproxy/oci/Error.h"

namespace wasmproxy::ecr {
namespace {

constexpr std::size_t MaximumRegions = 256;
constexpr std::chrono::seconds Patience{8}; ///< for one look at the chain and one token: a renewal must not use up
                                            ///< the time of the request that happens to make it
constexpr std::chrono::minutes NobodyFor{1};

bool endsWith(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

} // namespace

EcrIdentity::EcrIdentity(HostServices& host, const EcrSettings& settings, const aws::Environment& environment)
    : _host(host),
      _region(settings.region.get()),
      _chain(host, {settings.accessKeyFile, settings.profile, settings.stsEndpoint, settings.metadataEndpoint},
             environment),
      _api(host, settings.apiEndpoint.get()),
      _tokens(host, MaximumRegions) {}

std::optional<EcrHost> EcrIdentity::registryOf(const Repository& repository) const {
    auto registry = EcrHost::parse(repository.hostName());
    if (!registry && !_region.empty()) return EcrHost::inRegion(_region);
    return registry;
}

TokenCache::Key EcrIdentity::keyOf(const EcrHost& registry) const {
    return {_api.originFor(registry), registry.service(), registry.region, ""};
}

std::string EcrIdentity::nameOf(const EcrHost& registry) const {
    return "ecr: identity of this process in " + registry.region + (registry.isPublic ? " (ECR Public)" : "");
}

std::vector<Credential> EcrIdentity::find(Call& call, const CredentialQuery& query) {
    if (!query.secretName.empty()) return {};
    const auto registry = registryOf(query.repository);
    if (!registry) return {};
    try {
        return {credentialOf(call, *registry)};
    } catch (const Nobody&) {
        return {};
    }
}

Credential EcrIdentity::renewed(Call& call, const Repository& repository, const Credential& refused) {
    const auto registry = registryOf(repository);
    if (!registry || !endsWith(refused.name, nameOf(*registry))) return refused; // the keychain puts its name before it
    // ECR Public is shown a bearer token that was made of it; that one is renewed without us.
    if (registry->isPublic) return refused;
    _tokens.forget(keyOf(*registry), refused.secret);
    try {
        auto renewed = credentialOf(call, *registry);
        renewed.name = refused.name;
        return renewed;
    } catch (const Nobody&) {
        return refused;
    }
}

Credential EcrIdentity::credentialOf(Call& call, const EcrHost& registry) {
    const auto found = _tokens.get(call, keyOf(registry), [&](Call& leader) { return obtain(leader, registry); });
    return {Credential::Kind::Basic, nameOf(registry), "AWS", found.value};
}

Token EcrIdentity::obtain(Call& call, const EcrHost& registry) {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (!_known && Call::Clock::now() < _nobodyUntil) throw Nobody();
    }
    Call part = call.within(Patience);
    try {
        const auto credentials = _chain.find(part, registry.stsHost());
        if (credentials) {
            _known = true;
            return _api.get(part, registry, *credentials);
        }
    } catch (const Error& error) {
        if (error.code() != ErrorCode::DeadlineExceeded || call.expired()) throw;
        throw Error(ErrorCode::UpstreamUnavailable, std::string("AWS took too long: ") + error.what());
    }
    if (_known)
        throw Error(ErrorCode::CredentialSourceFault, "this process has no AWS identity any more",
                    "neither environment, web identity, shared files, container nor instance has one");
    const std::lock_guard<std::mutex> lock(_mutex);
    _nobodyUntil = Call::Clock::now() + NobodyFor;
    _host.log(LogLevel::Warning, "this process has no AWS identity (neither environment, web identity, shared files, "
                                 "container nor instance has one): its registries are asked without");
    throw Nobody();
}

} // namespace wasmproxy::ecr
