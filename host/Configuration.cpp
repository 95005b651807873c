// SPDX-License-Identifier: Apache-2.0
#include "Configuration.h"

#include "AdminSetup.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/CredentialSource.h"

#include <Poco/Exception.h>
#include <Poco/File.h>
#include <Poco/Path.h>
#include <Poco/URI.h>

#include <unistd.h>

#include <algorithm>

namespace wasmproxy::host {
namespace {

/// The host name in "https://registry:5000/x", "registry:5000" or "[::1]:5000"; empty: none.
std::string hostOf(const std::string& text) {
    try {
        return Poco::URI(text.find("://") == std::string::npos ? "https://" + text : text).getHost();
    } catch (const Poco::Exception&) {
        return {}; // the plugin's own check reports it
    }
}

/// Keys whose value is an address, or a list of them, of the registry or of something that belongs to it.
bool namesAddress(const std::string& key) {
    const auto ends = [&](const std::string& tail) {
        return key.size() >= tail.size() && key.compare(key.size() - tail.size(), tail.size(), tail) == 0;
    };
    return ends("endpoint") || ends("address") || key == "token-realms";
}

/// What the operator wrote for an instance, and its plugin's fixed addresses, are dialled as written.
void trustWritten(InstancePlan& plan) {
    for (const auto& value : plan.values) {
        std::vector<std::string> addresses;
        if (!namesAddress(value.key) || !parseSetting(value.value, addresses).empty()) continue;
        for (const auto& address : addresses)
            if (const auto host = hostOf(address); !host.empty()) plan.trustedHosts.insert(host);
    }
    for (const auto& host : plan.factory->trustedHosts())
        plan.trustedHosts.insert(host);
}

std::string nameOfHost(const std::string& host) {
    std::string name = host.front() == '[' ? host.substr(1, host.find(']') - 1) : host.substr(0, host.rfind(':'));
    return name;
}

/// What of an instance that is made once counts only at the start.
std::string describe(const InstancePlan& plan) {
    std::string text = plan.name + " " + plan.factory->name();
    for (const auto& value : plan.values)
        text += "\n" + value.key + "=" + value.value;
    return text;
}

std::string quoted(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "none" : text;
}

} // namespace

std::string Configuration::defaultPluginDirectory() {
    char buffer[4096];
    const auto length = ::readlink("/proc/self/exe", buffer, sizeof buffer - 1);
    if (length > 0) {
        Poco::Path path = Poco::Path(std::string(buffer, static_cast<std::size_t>(length))).makeParent();
        path.popDirectory(); // bin/
        if (Poco::File(Poco::Path(path, "CMakeCache.txt")).exists()) return Poco::Path(path, "plugins").toString();
        const auto beside = Poco::Path(path, "lib/wasm-proxy/plugins").toString();
        if (Poco::File(beside).exists()) return beside;
    }
    return "/usr/lib/wasm-proxy/plugins";
}

Configuration::Configuration(const std::string& path, const std::vector<std::string>& environment,
                             std::vector<SettingsProblem>& problems, std::shared_ptr<PluginCatalog> plugins)
    : Configuration(readSettings(path, problems), environment, problems, std::move(plugins)) {}

Configuration::Configuration(SettingsDocument document, const std::vector<std::string>& environment,
                             std::vector<SettingsProblem>& problems, std::shared_ptr<PluginCatalog> plugins)
    : catalog(std::move(plugins)) {
    applyEnvironment(document, environment, problems);
    settings.apply(document, problems);
    checkAdmin(settings, problems);

    if (!catalog) {
        PluginCatalog::Options options;
        options.directory =
            settings.plugins.directory.get().empty() ? defaultPluginDirectory() : settings.plugins.directory.get();
        catalog = std::make_shared<PluginCatalog>(options);
    }
    try {
        catalog->load();
    } catch (const Error& error) {
        problems.push_back({settings.plugins.directory.origin(), "plugins.directory",
                            std::string(error.what()) + (error.hint().empty() ? "" : "; " + error.hint())});
        return;
    }
    addUnwritten(problems);
    planCaches(problems);
    planCredentials(problems);
    planCluster(problems);
    planRoutes(problems);
}

std::string Configuration::clusterKey() const {
    if (!cluster) return {};
    std::string key = cluster->server + "\n" + clusterNamespace;
    for (const auto* each : {&cluster->authorities, &cluster->certificate, &cluster->key, &cluster->token})
        key += "\n" + each->path + "\n" + Digest::of(each->text.reveal()).str();
    return key;
}

std::vector<std::string> Configuration::restartKeys(const Configuration& other) const {
    std::vector<std::string> keys;
    const auto compare = [&](const std::string& prefix, const Settings& now, const Settings& then,
                             const std::set<std::string>& reloaded = {}) {
        const auto values = now.effective();
        const auto before = then.effective();
        for (std::size_t i = 0; i < values.size() && i < before.size(); ++i)
            if (values[i].value != before[i].value && reloaded.count(values[i].key) == 0)
                keys.push_back(prefix + values[i].key);
    };
    const auto& mine = settings;
    const auto& others = other.settings;
    compare("plugins.", mine.plugins, others.plugins);
    compare("dataplane.", mine.dataplane, others.dataplane);
    compare("health.", mine.health, others.health);
    compare("admin.", mine.admin, others.admin);
    compare("index.", mine.index, others.index);
    compare("log.", mine.log, others.log, {"level"});
    // The rest of [pull] belongs to the service that all configurations share.
    compare("pull.", mine.pull, others.pull,
            {"credentials", "max-module", "max-manifest", "max-layer", "require-proxy-wasm"});
    bool sameCaches = caches.size() == other.caches.size();
    for (std::size_t i = 0; sameCaches && i < caches.size(); ++i)
        sameCaches = describe(caches[i]) == describe(other.caches[i]);
    if (!sameCaches) keys.emplace_back("cache");
    return keys;
}

const ComponentFactory* Configuration::factory(const char* seam, const std::string& plugin, const std::string& origin,
                                               const std::string& key, std::vector<SettingsProblem>& problems) const {
    if (const auto* found = catalog->find(seam, plugin)) return found;
    std::vector<std::string> names;
    for (const auto* each : catalog->factories(seam))
        names.emplace_back(each->name());
    std::string message = "there is no plugin \"" + plugin + "\" for it; there are: " + quoted(names);
    for (const auto& state : catalog->plugins())
        if (state.state == "refused") message += "; " + state.file + " was refused: " + state.reason;
    problems.push_back({origin, key, message});
    return nullptr;
}

/// A plugin's name is an instance of it with its defaults, where something names it and no section does.
void Configuration::addUnwritten(std::vector<SettingsProblem>& problems) {
    const auto add = [&](auto& instances, const char* kind, const char* seam,
                         const Setting<std::vector<std::string>>& names) {
        for (const auto& name : names.get()) {
            const auto written =
                std::any_of(instances.begin(), instances.end(), [&](const auto& each) { return each.name == name; });
            if (written || !catalog->find(seam, name)) continue;
            auto& instance = instances.emplace_back();
            instance.name = name;
            instance.prefix = std::string(kind) + "." + name + ".";
            instance.origin = names.origin();
            instance.common->apply({{"plugin", name, names.origin()}}, instance.prefix, problems);
        }
    };
    standardCredentials = settings.pull.credentials.get();
    if (standardCredentials.empty()) // all that have a section, whatever a route names
        for (const auto& each : settings.credentials)
            standardCredentials.push_back(each.name);
    add(settings.caches, "cache", CacheStore::Seam, settings.pull.caches);
    add(settings.credentials, "credential", CredentialSource::Seam, settings.pull.credentials);
    for (const auto& route : settings.routes)
        add(settings.credentials, "credential", CredentialSource::Seam, route.common->credentials);
}

void Configuration::planCaches(std::vector<SettingsProblem>& problems) {
    auto names = settings.pull.caches.get();
    if (names.empty())
        for (const auto& each : settings.caches)
            names.push_back(each.name);
    if (names.empty())
        problems.push_back(
            {"", "cache", "there is no cache: add [cache.main] with directory = /var/lib/wasm-proxy/blobs"});
    for (const auto& each : settings.caches) {
        const auto* made = factory(CacheStore::Seam, each.common->plugin, each.common->plugin.origin(),
                                   each.prefix + "plugin", problems);
        if (!made) continue;
        InstancePlan plan{each.name, made, each.pluginValues, nullptr, {}, planCapacity(*made, each, problems)};
        trustWritten(plan);
        applyPluginSettings(*made->settings(), each, problems);
        if (std::find(names.begin(), names.end(), each.name) != names.end()) caches.push_back(std::move(plan));
    }
    const auto place = [&](const InstancePlan& plan) { return std::find(names.begin(), names.end(), plan.name); };
    std::sort(caches.begin(), caches.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
    for (const auto& name : names) {
        const auto found = std::find_if(settings.caches.begin(), settings.caches.end(),
                                        [&](const auto& each) { return each.name == name; });
        if (found == settings.caches.end())
            problems.push_back({settings.pull.caches.origin(), "pull.caches",
                                "there is neither a [cache." + name + "] nor a plugin of that name"});
    }
}

/// A store may have a bound of its own, `max-bytes`, past which it takes nothing. Short of that, room has to be left
/// for what is removed and still read.
std::uint64_t Configuration::planCapacity(const ComponentFactory& factory, const InstanceSettings<CacheSettings>& cache,
                                          std::vector<SettingsProblem>& problems) {
    const auto& capacity = cache.common->capacity;
    const auto own = factory.settings();
    std::vector<SettingsProblem> reported; // by the section's own check
    own->apply(cache.pluginValues, cache.prefix, reported);
    Bytes bound;
    for (const auto& each : own->effective())
        if (each.key == "max-bytes") parseSetting(each.value, bound);
    if (bound == 0) return capacity.get();
    if (!capacity.given()) return bound / 4 * 3;
    if (capacity.get() > bound)
        problems.push_back({capacity.origin(), cache.prefix + "capacity",
                            "is more than the store takes: raise " + cache.prefix + "max-bytes, or lower this"});
    return capacity.get();
}

const InstancePlan* Configuration::findCache(const std::string& name) const {
    const auto found = std::find_if(caches.begin(), caches.end(), [&](const auto& each) { return each.name == name; });
    return found == caches.end() ? nullptr : &*found;
}

bool Configuration::sameCache(const std::string& cache, const Configuration& first) const {
    const auto *now = findCache(cache), *then = first.findCache(cache);
    return now && then && describe(*now) == describe(*then);
}

std::uint64_t Configuration::capacityOf(const std::string& cache, const Configuration& first) const {
    const auto* plan = sameCache(cache, first) ? findCache(cache) : first.findCache(cache);
    return plan ? plan->capacity : 0;
}

void Configuration::planCredentials(std::vector<SettingsProblem>& problems) {
    for (const auto& each : settings.credentials) {
        const auto* made = factory(CredentialSource::Seam, each.common->plugin, each.common->plugin.origin(),
                                   each.prefix + "plugin", problems);
        if (!made) continue;
        InstancePlan plan{each.name, made, each.pluginValues, nullptr, {}};
        applyPluginSettings(*made->settings(), each, problems);
        credentials.push_back(std::move(plan));
    }
}

void Configuration::planCluster(std::vector<SettingsProblem>& problems) {
    if (!settings.extensions.kubernetes) return;
    // The cluster and namespace that Secrets are read from: Extensions and their Secrets stand together.
    std::string kubeconfig;
    for (const auto& each : settings.credentials) {
        if (each.common->plugin.get() != "kubernetes") continue;
        for (const auto& value : each.pluginValues) {
            if (value.key == "kubeconfig") kubeconfig = value.value;
            if (value.key == "namespace") clusterNamespace = value.value;
        }
        break;
    }
    try {
        cluster = kubeconfig.empty() ? kubernetes::ClusterConfig::inCluster()
                                     : kubernetes::ClusterConfig::fromKubeconfig(kubeconfig);
        if (clusterNamespace.empty()) clusterNamespace = cluster->nameSpace;
        if (clusterNamespace.empty())
            problems.push_back(
                {settings.extensions.kubernetes.origin(), "extensions.kubernetes",
                 "no namespace is known: write `namespace` into the [credential.x] of plugin kubernetes"});
    } catch (const Error& error) {
        problems.push_back({settings.extensions.kubernetes.origin(), "extensions.kubernetes",
                            std::string(error.what()) + (error.hint().empty() ? "" : "; " + error.hint())});
    }
}

void Configuration::planRoutes(std::vector<SettingsProblem>& problems) {
    const auto known = [&](const std::string& name) {
        return std::any_of(settings.credentials.begin(), settings.credentials.end(),
                           [&](const auto& each) { return each.name == name; });
    };
    for (const auto& name : standardCredentials)
        if (!known(name))
            problems.push_back({settings.pull.credentials.origin(), "pull.credentials",
                                "there is neither a [credential." + name + "] nor a plugin of that name"});

    // Sections that no route uses are checked all the same.
    for (const auto& each : settings.backends) {
        const auto& plugin = each.common->plugin.get();
        const auto name = !plugin.empty()                                   ? plugin
                          : catalog->find(RegistryBackend::Seam, each.name) ? each.name
                                                                            : "oci";
        const auto* made =
            factory(RegistryBackend::Seam, name, each.common->plugin.origin(), each.prefix + "plugin", problems);
        if (made) applyPluginSettings(*made->settings(), each, problems);
        mirrorsOf(each, problems);
    }

    for (const auto& each : settings.routes) {
        if (each.common->match.get().empty()) continue; // reported as missing already
        try {
            Pattern pattern(each.common->match.get());
            RoutePlan plan{{each.name,
                            pattern,
                            {},
                            nullptr,
                            each.common->credentials.get(),
                            each.common->anonymous,
                            each.common->tagTtl,
                            each.common->staleIfError},
                           0};
            plan.route.alwaysAsk = each.common->pullPolicy.get() == "always";
            for (const auto& name : plan.route.credentials)
                if (!known(name))
                    problems.push_back({each.common->credentials.origin(), each.prefix + "credentials",
                                        "there is neither a [credential." + name + "] nor a plugin of that name"});
            if (!each.common->credentials.given()) plan.route.credentials = standardCredentials;
            const auto backend = planBackend(each, pattern, plan, problems);
            if (!backend) continue;
            plan.backend = *backend;
            plan.route.backendName = backends[plan.backend].name;
            plan.ownIdentity = !each.common->credentials.given();
            routes.push_back(std::move(plan));
        } catch (const Error& error) {
            problems.push_back({each.common->match.origin(), each.prefix + "match", error.what()});
        }
    }
}

std::optional<std::size_t> Configuration::planBackend(const InstanceSettings<RouteSettings>& route,
                                                      const Pattern& pattern, RoutePlan& plan,
                                                      std::vector<SettingsProblem>& problems) {
    const std::string name = route.common->backend.get().empty() ? pluginFor(pattern.host()) : route.common->backend;
    const auto section = findBackend(name);
    if (!section && !catalog->find(RegistryBackend::Seam, name)) {
        problems.push_back({route.common->backend.origin(), route.prefix + "backend",
                            "there is neither a [backend." + name + "] nor a registry plugin of that name"});
        return std::nullopt;
    }
    const auto place = planInstance(name, route.common->plainHttp, problems);
    if (!place) return std::nullopt; // reported with its section
    if (!pattern.literalHost().empty()) backends[*place].trustedHosts.insert(nameOfHost(pattern.literalHost()));
    std::vector<SettingsProblem> reported; // with the section
    if (section)
        for (const auto& mirror : mirrorsOf(*section, reported))
            if (const auto its = planInstance(mirror.name, RouteSettings().plainHttp, reported)) {
                plan.route.mirrors.push_back(mirror);
                plan.mirrors.push_back(*its);
            }
    return place;
}

std::vector<Mirror> Configuration::mirrorsOf(const InstanceSettings<BackendSettings>& section,
                                             std::vector<SettingsProblem>& problems) const {
    std::vector<Mirror> mirrors;
    for (const auto& name : section.common->mirrors.get()) {
        const auto fail = [&](const std::string& why) {
            problems.push_back({section.common->mirrors.origin(), section.prefix + "mirrors", why});
        };
        const auto* its = findBackend(name);
        if (!its) {
            fail("there is no [backend." + name + "]");
            continue;
        }
        if (!its->common->mirrors.get().empty() || name == section.name) {
            fail("[backend." + name + "] has mirrors itself");
            continue;
        }
        const auto endpoint = std::find_if(its->pluginValues.begin(), its->pluginValues.end(),
                                           [](const KeyValue& each) { return each.key == "endpoint"; });
        if (endpoint == its->pluginValues.end()) {
            fail("[backend." + name + "] has no endpoint, so it is no mirror but the registry itself");
            continue;
        }
        const auto scheme = endpoint->value.find("://");
        Mirror mirror;
        mirror.name = name;
        mirror.host = endpoint->value.substr(scheme == std::string::npos ? 0 : scheme + 3);
        mirror.host.erase(std::min(mirror.host.find('/'), mirror.host.size()));
        mirrors.push_back(mirror);
    }
    return mirrors;
}

const InstanceSettings<BackendSettings>* Configuration::findBackend(const std::string& name) const {
    for (const auto& each : settings.backends)
        if (each.name == name) return &each;
    return nullptr;
}

std::string Configuration::pluginFor(const std::string& host) const {
    std::string name = "oci";
    for (const auto* each : catalog->factories(RegistryBackend::Seam))
        if (each->knowsRegistry(host)) name = each->name();
    return name;
}

std::optional<InstancePlan> Configuration::planFor(const std::string& name) const {
    const auto* section = findBackend(name);
    std::string plugin = section ? section->common->plugin.get() : name;
    if (plugin.empty()) plugin = catalog->find(RegistryBackend::Seam, name) ? name : "oci";
    const auto* made = catalog->find(RegistryBackend::Seam, plugin);
    if (!made) return std::nullopt;
    InstancePlan plan{name, made, section ? section->pluginValues : std::vector<KeyValue>{}, nullptr, {}};
    plan.common = section ? section->common.get() : &_unwritten;
    trustWritten(plan);
    return plan;
}

UnroutedPlan Configuration::planForHost(const std::string& host) const {
    const auto name = pluginFor(host);
    auto plan = planFor(name);
    if (!plan) throw Error(ErrorCode::SettingsInvalid, "there is no registry plugin " + name + " for " + host);
    plan->trustedHosts.insert(nameOfHost(host));
    UnroutedPlan unrouted{std::move(*plan), {}};
    const auto* section = findBackend(name);
    if (!section) return unrouted;
    std::vector<SettingsProblem> problems; // there are none: all sections were checked
    for (const auto& mirror : mirrorsOf(*section, problems))
        if (auto its = planFor(mirror.name)) unrouted.mirrors.emplace_back(mirror, std::move(*its));
    return unrouted;
}

std::optional<std::size_t> Configuration::planInstance(const std::string& name, const Setting<bool>& plainHttp,
                                                       std::vector<SettingsProblem>& problems) {
    auto plan = planFor(name);
    if (!plan) return std::nullopt;
    std::string key = name;
    auto& values = plan->values;
    if (plainHttp.given()) {
        values.erase(
            std::remove_if(values.begin(), values.end(), [](const auto& each) { return each.key == "plain-http"; }),
            values.end());
        values.push_back({"plain-http", plainHttp ? "true" : "false", plainHttp.origin()});
        key += plainHttp ? " over http" : " over https";
    }
    const auto known = std::find(_backendKeys.begin(), _backendKeys.end(), key);
    if (known != _backendKeys.end()) return static_cast<std::size_t>(known - _backendKeys.begin());

    // A section was checked by itself; what a route adds is checked here.
    if (!findBackend(name) || plainHttp.given())
        plan->factory->settings()->apply(values, "backend." + name + ".", problems);
    backends.push_back(std::move(*plan));
    _backendKeys.push_back(key);
    return backends.size() - 1;
}

} // namespace wasmproxy::host
