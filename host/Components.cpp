// SPDX-License-Identifier: Apache-2.0
#include "Components.h"

#include "guard/GuardedBackend.h"
#include "guard/GuardedCacheStore.h"
#include "guard/GuardedCredentialSource.h"
#include "net/CurlTransport.h"
#include "observe/Log.h"
#include "wasmproxy/plugin/HttpUrl.h"
#include "wasmproxy/plugin/RegistryHealth.h"

#include <map>

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
        // They are of this machine's network: a proxy must not be asked for them.
        for (const auto& host : plan.factory->trustedHosts())
            transport.noProxy += (transport.noProxy.empty() ? "" : ",") + host;
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

template <class Seam>
std::unique_ptr<Seam> Components::create(const InstancePlan& plan, const char* kind) {
    const auto name = std::string(kind) + "." + plan.name;
    _services.push_back(std::make_unique<Services>(name, transportOf(plan, _metrics)));
    // Settings are consumed by the instance; a Configuration may be used for more than one set of Components.
    auto values = plan.factory->settings();
    std::vector<SettingsProblem> problems;
    values->apply(plan.values, name + ".", problems);
    std::unique_ptr<Component> made;
    try {
        made = PluginGuard(name, _metrics).run("create", [&] {
            return plan.factory->create(*_services.back(), std::move(values));
        });
    } catch (const Error& error) {
        throw Error(error.code(), name + ": " + error.what(), error.hint());
    }
    if (!made) throw Error(ErrorCode::PluginFault, name + ": the plugin made nothing");
    return std::unique_ptr<Seam>(static_cast<Seam*>(made.release()));
}

Components::Components(const Configuration& configuration, Metrics& metrics, bool withCaches)
    : _configuration(configuration), _metrics(metrics) {
    if (withCaches)
        for (const auto& plan : configuration.caches)
            _stores.push_back(std::make_unique<GuardedCacheStore>(create<CacheStore>(plan, "cache"),
                                                                  PluginGuard("cache." + plan.name, metrics)));
    for (const auto& plan : configuration.credentials)
        _sources.push_back(std::make_unique<GuardedCredentialSource>(create<CredentialSource>(plan, "credential"),
                                                                     PluginGuard("credential." + plan.name, metrics)));
    for (const auto& plan : configuration.backends) {
        _backends.push_back(makeBackend(plan));
        _identities.push_back(identityOf(plan, *_backends.back()));
    }
}

std::unique_ptr<RegistryBackend> Components::makeBackend(const InstancePlan& plan) {
    return std::make_unique<GuardedBackend>(create<RegistryBackend>(plan, "backend"),
                                            PluginGuard("backend." + plan.name, _metrics));
}

std::unique_ptr<CredentialSource> Components::identityOf(const InstancePlan& plan, RegistryBackend& backend) {
    auto* identity = static_cast<CredentialSource*>(backend.ability(CredentialSource::Seam));
    if (!identity) return nullptr;
    return std::make_unique<GuardedCredentialSource>(std::make_unique<OwnIdentity>(*identity),
                                                     PluginGuard("backend." + plan.name, _metrics));
}

Components::~Components() {
    for (auto& [host, each] : _unrouted)
        each.identity.reset();
    _unrouted.clear();
    _identities.clear();
    _backends.clear();
    _sources.clear();
    _stores.clear();
}

std::vector<Keychain::Source> Components::sources() const {
    std::vector<Keychain::Source> sources;
    for (std::size_t i = 0; i < _sources.size(); ++i)
        sources.push_back({_configuration.credentials[i].name, _sources[i].get()});
    for (std::size_t i = 0; i < _identities.size(); ++i)
        if (_identities[i]) sources.push_back({identityName(_configuration.backends[i]), _identities[i].get()});
    return sources;
}

std::vector<CacheTiers::Tier> Components::tiers() const {
    std::vector<CacheTiers::Tier> tiers;
    for (std::size_t i = 0; i < _stores.size(); ++i)
        tiers.push_back({_configuration.caches[i].name, _stores[i].get()});
    return tiers;
}

std::vector<Route> Components::routes() const {
    std::vector<Route> routes;
    for (const auto& plan : _configuration.routes) {
        routes.push_back(plan.route);
        auto& route = routes.back();
        route.backend = _backends[plan.backend].get();
        if (plan.ownIdentity && _identities[plan.backend])
            route.credentials.push_back(identityName(_configuration.backends[plan.backend]));
        for (std::size_t i = 0; i < plan.mirrors.size(); ++i)
            route.mirrors[i].backend = _backends[plan.mirrors[i]].get();
    }
    return routes;
}

std::shared_ptr<const Route> Components::unrouted(const Repository& repository, Keychain& keychain) {
    const auto& host = repository.host();
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto known = _unrouted.find(host);
    if (known != _unrouted.end()) return known->second.route;
    if (_unrouted.size() >= MaxUnrouted)
        throw Error(ErrorCode::Busy, "Extensions name more than " + std::to_string(MaxUnrouted) + " registries");
    const auto plan = _configuration.planForHost(host);
    Unrouted made;
    made.backend = makeBackend(plan);
    made.identity = identityOf(plan, *made.backend);
    Route route{"extensions", Pattern(host + "/**"), plan.name, made.backend.get(), _configuration.standardCredentials};
    if (made.identity) {
        const auto name = identityName(plan) + " for " + host;
        keychain.add({name, made.identity.get()});
        route.credentials.push_back(name);
    }
    made.route = std::make_shared<const Route>(std::move(route));
    return _unrouted.emplace(host, std::move(made)).first->second.route;
}

HttpTransport& Components::transportFor(const std::string& text) {
    const auto url = HttpUrl::parse(text, "url");
    const std::lock_guard<std::mutex> lock(_mutex);
    auto& services = _transports[url.host()];
    if (!services) {
        if (_transports.size() > MaxUnrouted)
            throw Error(ErrorCode::Busy, "Extensions name more than " + std::to_string(MaxUnrouted) + " hosts");
        TransportSettings transport;
        transport.instance = "extensions";
        transport.trustedHosts = {url.host()};
        transport.observer = [this](const std::string& host, int status, const std::string& method) {
            _metrics.upstreamRequest(host, method, status);
        };
        _services.push_back(std::make_unique<Services>("extensions", std::move(transport)));
        services = _services.back().get();
    }
    return services->http();
}

HostServices& Components::servicesFor(const std::string& room) {
    TransportSettings transport;
    transport.instance = room;
    transport.allowPrivateAddresses = true;
    const std::lock_guard<std::mutex> lock(_mutex);
    _services.push_back(std::make_unique<Services>(room, std::move(transport)));
    return *_services.back();
}

void Components::showLimits() const {
    std::map<std::string, RegistryHealth::Measurement> newest; // by name: routes may split one section in two instances
    for (std::size_t i = 0; i < _backends.size(); ++i) {
        const auto* health = static_cast<const RegistryHealth*>(_backends[i]->ability(RegistryHealth::Id));
        if (!health) continue;
        const auto& name = _configuration.backends[i].name;
        auto& known = newest[name];
        try {
            const auto measured =
                PluginGuard("backend." + name, _metrics).quick("measurement", [&] { return health->measurement(); });
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
