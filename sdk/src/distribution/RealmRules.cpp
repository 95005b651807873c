// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/RealmRules.h"

#include "wasmproxy/oci/Error.h"

#include <libpsl.h>

namespace wasmproxy {

namespace {

/// The namespace of a Kubernetes service name, `team.svc.cluster.local` for `registry.team.svc.cluster.local`: the
/// public suffix list knows nothing of clusters, and would have all services of one share a domain.
std::string clusterDomain(const std::string& host) {
    const std::size_t first = host.find('.');
    if (first == std::string::npos) return {};
    const std::size_t second = host.find('.', first + 1);
    if (second == std::string::npos) return {};
    const std::string rest = host.substr(second + 1);
    return rest == "svc" || rest.compare(0, 4, "svc.") == 0 ? host.substr(first + 1) : std::string();
}

/// "" where the host has none: a single label, a public suffix itself.
std::string registrableDomain(const std::string& host) {
    if (host.find('.') == std::string::npos) return {};
    const std::string cluster = clusterDomain(host);
    if (!cluster.empty()) return cluster;
    const char* domain = psl_registrable_domain(psl_builtin(), host.c_str());
    return domain ? domain : std::string();
}

bool shareDomain(const HttpUrl& a, const HttpUrl& b) {
    if (a.isAddress() || b.isAddress()) return false;
    const std::string domain = registrableDomain(a.host());
    return !domain.empty() && domain == registrableDomain(b.host());
}

/// Another port of a host may be another's: on a shared machine, behind a node port. The scheme's own is not: a
/// registry on :5050 with its token service on 443 is what GitLab installs.
bool believedPort(const HttpUrl& registry, const HttpUrl& realm) {
    return realm.port() == registry.port() || realm.port() == (realm.secure() ? 443 : 80);
}

bool matches(const std::string& listed, const HttpUrl& realm) {
    const HttpUrl url = HttpUrl::parse(realm.scheme() + "://" + listed, "host in token-realms");
    const bool anyPort = url.authority() == url.host() || url.authority() == "[" + url.host() + "]";
    return url.host() == realm.host() && (anyPort || url.port() == realm.port());
}

} // namespace

RealmRules::RealmRules(std::vector<std::string> listed, KnownPair known)
    : _listed(std::move(listed)), _known(std::move(known)) {}

HttpUrl RealmRules::admit(const HttpUrl& registry, const std::string& realm) const {
    const HttpUrl url = HttpUrl::parse(realm, "token realm that " + registry.authority() + " names");
    if (registry.secure() && !url.secure())
        throw Error(ErrorCode::UpstreamInvalid, registry.authority() + " names " + url.shown() +
                                                    " as its token service: plain http is refused after https");
    for (const auto& host : _listed)
        if (matches(host, url)) return url;
    bool believed = url.host() == registry.host();
    if (!believed && !url.isPrivateAddress())
        believed = shareDomain(registry, url) || (_known && _known(registry.host(), url.host()));
    if (believed && believedPort(registry, url)) return url;
    throw Error(
        ErrorCode::UpstreamInvalid,
        registry.authority() + " names " + url.authority() + " as its token service, a " +
            (believed ? "port that is neither its own nor " + url.scheme() + "'s" : "host outside its own domain") +
            ": it was sent nothing",
        "if that is this registry's token service, set token-realms = " + url.authority());
}

} // namespace wasmproxy
