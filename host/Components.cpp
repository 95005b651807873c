// SPDX-License-Identifier: Apache-2.0
#include "Components.h"

#include "guard/GuardedBackend.h"
#include "guard/GuardedCacheStore.h"
#include "guard/GuardedCredentialSource.h"
#include "net/AddressPolicy.h"
#include "net/CurlTransport.h"
#include "observe/Log.h"
#include "wasmproxy/plugin/HttpUrl.h"
#include "wasmproxy/plugin/RegistryHealth.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sstream>

namespace wasmproxy::host {
namespace {

/// The credential source that a backend has inside, which goes with the backend.
class OwnIdentity : public CredentialSource {
public:
    explicit OwnIdentity(CredentialSource& source) : _source(source) {}
    std::vector<Credential> find(Call& call, const CredentialQuery& query) override {
        return _source.find(call, query);
    }

private:
    CredentialSource& _source;
};

std::string identityName(const InstancePlan& plan) {
    return "backend." + plan.name; // no [credential.x] can have this name
}

/// Whatever makes one instance differ from another of its name.
std::string signatureOf(const InstancePlan& plan) {
    std::ostringstream text;
    text << plan.factory << '\n';
    for (const auto& value : plan.values)
        text << value.key << '=' << value.value << '\n';
    if (plan.common)
        for (const auto& value : plan.common->effective())
            text << value.key << '=' << value.value << '\n';
    for (const auto& host : plan.trustedHosts)
        text << host << '\n';
    return text.str();
}

/// Is `host` of this machine or its network by what it is called: an address that is not public, a name without a dot
/// or in the domain that is nobody's on the internet?
bool liesHere(const std::string& host) {
    const std::string domain = ".internal";
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1)
        return classify(reinterpret_cast<const sockaddr&>(address)) != AddressClass::Public;
    return host.find('.') == std::string::npos || // also an IPv6 address
           (host.size() > domain.size() && host.compare(host.size() - domain.size(), domain.size(), domain) == 0);
}

TransportSettings transportOf(const InstancePlan& plan, Metrics& metrics) {
    TransportSettings transport;
    transport.instance = plan.name;
    transport.trustedHosts = plan.trustedHosts;
    transport.observer = [&metrics](const std::string& host, int status, const std::string& method) {
        metrics.upstreamRequest(host, method, status);
    };
    if (const auto* common = plan.common) {
        transport.caFile = common->caFile;
        transport.clientCertificate = common->clientCertificate;
        transport.clientKey = common->clientKey;
        transport.proxy = common->proxy;
        for (const auto& host : common->noProxy.get())
            transport.noProxy += (transport.noProxy.empty() ? "" : ",") + host;
        // A proxy must not be asked for what is this machine's own: there it would be another's.
        for (const auto& host : plan.factory->trustedHosts())
            if (liesHere(host)) transport.noProxy += (transport.noProxy.empty() ? "" : ",") + host;
        transport.allowPrivateAddresses = common->allowPrivateAddresses;
        transport.connectTimeout = common->connectTimeout;
    } else {
        // Where credentials come from is what the operator wrote, mostly an address of the cluster's or site's network.
        transport.allowPrivateAddresses = true;
    }
    return transport;
}

} // namespace

class Components::Services : public HostServices {
public:
    Services(std::string instance, TransportSettings transport)
        : _instance(std::move(instance)), _transport(std::move(transport)) {}

    HttpTransport& http() override { return _transport; }
    std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::now(); }
    void log(LogLevel level, const std::string& line) noexcept override {
        host::log(level, line, {{"plugin", _instance}});
    }

private:
    const std::string _instance;
    CurlTransport _transport;
};

/// One plugin component behind its guard, with what the host gives to it. Shared by the configurations that want it.
template <class Seam>
struct Components::Instance {
    std::string name;
    std::string signature;
    std::unique_ptr<Services> services; // before the component: it uses them to its end
    std::unique_ptr<Seam> component;
    std::unique_ptr<CredentialSource> identity = nullptr; ///< of a backend that has one
};

template <class Seam, class Guarded>
std::shared_ptr<Components::Instance<Seam>> Components::make(const InstancePlan& plan, const char* kind,
                                                             const Instances<Seam>* before) {
    const auto signature = signatureOf(plan);
    if (before)
        for (const auto& each : *before)
            if (each->name == plan.name && each->signature == signature) return each;
    const auto name = std::string(kind) + "." + plan.name;
    auto services = std::make_unique<Services>(name, transportOf(plan, _metrics));
    // Settings are consumed by the instance; a Configuration may be used for more than one set of Components.
    auto values = plan.factory->settings();
    std::vector<SettingsProblem> problems;
    values->apply(plan.values, name + ".", problems);
    const PluginGuard guard(name, _metrics);
    std::unique_ptr<Component> made;
    try {
        made = guard.run("create", [&] { return plan.factory->create(*services, std::move(values)); });
    } catch (const Error& error) {
        throw Error(error.code(), name + ": " + error.what(), error.hint());
    }
    if (!made) throw Error(ErrorCode::PluginFault, name + ": the plugin made nothing");
    auto component = std::make_unique<Guarded>(std::unique_ptr<Seam>(static_cast<Seam*>(made.release())), guard);
    return std::make_shared<Instance<Seam>>(
        Instance<Seam>{plan.name, signature, std::move(services), std::move(component)});
}

std::shared_ptr<Components::Backend> Components::makeBackend(const InstancePlan& plan,
                                                             const Instances<RegistryBackend>* before) {
    auto made = make<RegistryBackend, GuardedBackend>(plan, "backend", before);
    auto* identity = static_cast<CredentialSource*>(made->component->ability(CredentialSource::Seam));
    if (identity && !made->identity)
        made->identity = std::make_unique<GuardedCredentialSource>(std::make_unique<OwnIdentity>(*identity),
                                                                   PluginGuard("backend." + plan.name, _metrics));
    return made;
}

Components::Components(const Configuration& configuration, Metrics& metrics, Parts parts, const Components* previous)
    : _configuration(configuration), _metrics(metrics) {
    if (parts == Parts::Caches) {
        for (const auto& plan : configuration.caches)
            _stores.push_back(make<CacheStore, GuardedCacheStore>(plan, "cache", nullptr));
        return;
    }
    for (const auto& plan : configuration.credentials)
        _sources.push_back(make<CredentialSource, GuardedCredentialSource>(plan, "credential",
                                                                           previous ? &previous->_sources : nullptr));
    for (const auto& plan : configuration.backends)
        _backends.push_back(makeBackend(plan, previous ? &previous->_backends : nullptr));
    if (!previous) return;
    const std::lock_guard<std::mutex> lock(previous->_mutex);
    _before = previous->_mirrors;
    previous->_unrouted.each([this](const Unrouted& each) { _before.push_back(each.backend); });
    _transports = previous->_transports;
}

Components::~Components() = default;

std::vector<Keychain::Source> Components::sources() const {
    std::vector<Keychain::Source> sources;
    for (const auto& each : _sources)
        sources.push_back({each->name, each->component.get()});
    for (std::size_t i = 0; i < _backends.size(); ++i)
        if (_backends[i]->identity)
            sources.push_back({identityName(_configuration.backends[i]), _backends[i]->identity.get()});
    return sources;
}

std::vector<CacheTiers::Tier> Components::tiers() const {
    std::vector<CacheTiers::Tier> tiers;
    for (std::size_t i = 0; i < _stores.size(); ++i) {
        auto* store = _stores[i]->component.get();
        tiers.push_back({_stores[i]->name, store, static_cast<SharedStore*>(store->ability(SharedStore::Id)),
                         _configuration.caches[i].capacity});
    }
    return tiers;
}

std::vector<Route> Components::routes() const {
    std::vector<Route> routes;
    for (const auto& plan : _configuration.routes) {
        routes.push_back(plan.route);
        auto& route = routes.back();
        route.backend = _backends[plan.backend]->component.get();
        if (plan.ownIdentity && _backends[plan.backend]->identity)
            route.ownIdentity = identityName(_configuration.backends[plan.backend]);
        route.standardCredentials = _configuration.standardCredentials;
        for (std::size_t i = 0; i < plan.mirrors.size(); ++i)
            route.mirrors[i].backend = _backends[plan.mirrors[i]]->component.get();
    }
    return routes;
}

std::shared_ptr<const Route> Components::unrouted(const Repository& repository, Keychain& keychain) {
    const auto& host = repository.host();
    const auto make = [&] {
        const auto plan = _configuration.planForHost(host);
        auto made = std::make_shared<Unrouted>(Unrouted{
            makeBackend(plan.backend, &_before),
            Route{"extensions", Pattern(host + "/**"), plan.backend.name, nullptr, _configuration.standardCredentials},
            {}});
        auto& route = made->route;
        route.backend = made->backend->component.get();
        for (const auto& [mirror, its] : plan.mirrors) {
            route.mirrors.push_back(mirror);
            route.mirrors.back().backend = makeMirror(its)->component.get();
        }
        if (made->backend->identity) {
            made->identity = identityName(plan.backend) + " for " + host;
            keychain.add({made->identity, made->backend->identity.get()});
            route.ownIdentity = made->identity;
        }
        return made;
    };
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto held = _unrouted.get(host, make, [&](const Unrouted& dropped) {
        if (!dropped.identity.empty()) keychain.remove(dropped.identity);
    });
    return {held, &held->route};
}

std::shared_ptr<Components::Backend> Components::makeMirror(const InstancePlan& plan) {
    auto known = _mirrors;
    known.insert(known.end(), _backends.begin(), _backends.end());
    known.insert(known.end(), _before.begin(), _before.end());
    auto made = makeBackend(plan, &known);
    if (std::find(_mirrors.begin(), _mirrors.end(), made) == _mirrors.end()) _mirrors.push_back(made);
    return made;
}

std::shared_ptr<HttpTransport> Components::transportFor(const std::string& text) {
    const auto url = HttpUrl::parse(text, "url");
    const auto make = [&] {
        TransportSettings transport;
        transport.instance = "extensions";
        transport.trustedHosts = {url.host()};
        transport.observer = [&metrics = _metrics](const std::string& host, int status, const std::string& method) {
            metrics.upstreamRequest(host, method, status);
        };
        return std::make_shared<Services>("extensions", std::move(transport));
    };
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto held = _transports.get(url.host(), make);
    return {held, &held->http()};
}

std::unique_ptr<HostServices> Components::servicesFor(const std::string& room) {
    TransportSettings transport;
    transport.instance = room;
    transport.allowPrivateAddresses = true;
    return std::make_unique<Services>(room, std::move(transport));
}

void Components::showLimits() const {
    std::map<std::string, RegistryHealth::Measurement> newest; // by name: routes may split one section in two instances
    for (const auto& each : _backends) {
        const auto* health = static_cast<const RegistryHealth*>(each->component->ability(RegistryHealth::Id));
        if (!health) continue;
        auto& known = newest[each->name];
        try {
            const auto measured = PluginGuard("backend." + each->name, _metrics).quick("measurement", [&] {
                return health->measurement();
            });
            if (measured && measured->measuredAt > known.measuredAt) known = *measured;
        } catch (const Error&) {
            // Counted by the guard; a plugin's fault takes no other figure away.
        }
    }
    const auto now = std::chrono::system_clock::now();
    const auto figure = [](const std::optional<std::uint64_t>& value) {
        return value ? static_cast<double>(*value) : -1.0;
    };
    for (const auto& [name, known] : newest) {
        const bool current = !known.window || now < known.measuredAt + *known.window;
        _metrics.registryLimit("backend." + name, current ? figure(known.limit) : -1,
                               current ? figure(known.remaining) : -1);
    }
}

} // namespace wasmproxy::host
