// SPDX-License-Identifier: Apache-2.0
#include "Components.h"

#include "guard/GuardedBackend.h"
#include "guard/GuardedCacheStore.h"
#include "guard/GuardedCredentialSource.h"
#include "net/CurlTransport.h"
#include "observe/Log.h"

namespace wasmproxy::host {
namespace {

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
        transport.allowPrivateAddresses = common->allowPrivateAddresses;
        transport.connectTimeout = common->connectTimeout;
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
    for (const auto& plan : configuration.backends)
        _backends.push_back(std::make_unique<GuardedBackend>(create<RegistryBackend>(plan, "backend"),
                                                             PluginGuard("backend." + plan.name, metrics)));
}

Components::~Components() {
    _backends.clear();
    _sources.clear();
    _stores.clear();
}

std::vector<Keychain::Source> Components::sources() const {
    std::vector<Keychain::Source> sources;
    for (std::size_t i = 0; i < _sources.size(); ++i)
        sources.push_back({_configuration.credentials[i].name, _sources[i].get()});
    return sources;
}

std::vector<CacheTiers::Tier> Components::tiers(std::uint64_t capacity) const {
    std::vector<CacheTiers::Tier> tiers;
    for (std::size_t i = 0; i < _stores.size(); ++i)
        tiers.push_back({_configuration.caches[i].name, _stores[i].get(), capacity});
    return tiers;
}

std::vector<Route> Components::routes() const {
    std::vector<Route> routes;
    for (const auto& plan : _configuration.routes) {
        routes.push_back(plan.route);
        routes.back().backend = _backends[plan.backend].get();
    }
    return routes;
}

} // namespace wasmproxy::host
