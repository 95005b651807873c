// SPDX-License-Identifier: Apache-2.0
#include "SetupView.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace wasmproxy::host {
namespace {

using Plans = std::vector<InstancePlan>;

void append(const Settings& settings, std::vector<SettingRow>& rows) {
    for (const auto& each : settings.effective())
        rows.push_back({each.key, redacted(each.key, each.value), each.origin});
}

/// What the plugin itself reads, defaults included.
void appendOwn(const InstancePlan& plan, std::vector<SettingRow>& rows) {
    const auto own = plan.factory->settings();
    std::vector<SettingsProblem> problems; // there are none: they were checked
    own->apply(plan.values, "", problems);
    append(*own, rows);
}

class View {
public:
    View(const Generation& current, const Configuration& first, const Metrics& metrics, const CacheTiers& cache)
        : _now(current.configuration()), _first(first), _calls(metrics.pluginCalls()) {
        for (const auto& plugin : _now.catalog->plugins())
            for (const auto* factory : plugin.factories)
                _plugins[factory] = {plugin.id, plugin.version};
        _rows.generation = current.number();
        instances("cache", first.caches);
        instances("credential", _now.credentials);
        instances("backend", _now.backends);
        std::sort(_rows.instances.begin(), _rows.instances.end(),
                  [](const InstanceRow& a, const InstanceRow& b) { return a.name < b.name; });
        for (const auto& route : current.routes().routes())
            this->route(*route);
        _rows.sources = current.keychain().uses();
        _rows.restartNeeded = _now.restartKeys(first);
        sections();
        for (auto& use : cache.uses()) {
            const auto capacity = _now.capacityOf(use.name, first);
            _rows.tiers.push_back({std::move(use), capacity});
        }
    }

    SetupRows take() { return std::move(_rows); }

private:
    void instances(const std::string& kind, const Plans& plans) {
        std::map<std::string, int> seen;
        for (const auto& plan : plans) {
            const auto name = kind + "." + plan.name;
            const int number = ++seen[name];
            InstanceRow row;
            row.name = name + (number > 1 ? "#" + std::to_string(number) : "");
            row.kind = kind;
            row.component = plan.factory->name();
            if (const auto plugin = _plugins.find(plan.factory); plugin != _plugins.end())
                std::tie(row.plugin, row.version) = plugin->second;
            if (plan.common) append(*plan.common, row.settings);
            appendOwn(plan, row.settings);
            if (const auto calls = _calls.find(name); calls != _calls.end()) {
                row.calls = calls->second.calls;
                row.failures = calls->second.failures;
            }
            _rows.instances.push_back(std::move(row));
        }
    }

    void route(const Route& route) {
        RouteRow row{route.name,        route.pattern.str(), route.backendName,
                     route.credentials, route.anonymous,     route.alwaysAsk,
                     route.tagTtl,      route.staleIfError,  {}};
        for (const auto& mirror : route.mirrors)
            row.mirrors.emplace_back(mirror.name, mirror.host);
        _rows.routes.push_back(std::move(row));
    }

    void section(const std::string& name, const Settings& settings) {
        SectionRow row{name, {}};
        append(settings, row.settings);
        _rows.sections.push_back(std::move(row));
    }

    /// With what was set when the process started, where only that counts.
    void section(const std::string& name, const Settings& settings, const Settings& started) {
        section(name, settings);
        auto& rows = _rows.sections.back().settings;
        const auto then = started.effective();
        const auto& keys = _rows.restartNeeded;
        for (std::size_t i = 0; i < rows.size() && i < then.size(); ++i)
            if (std::find(keys.begin(), keys.end(), name + "." + rows[i].key) != keys.end())
                rows[i] = {then[i].key, redacted(then[i].key, then[i].value), then[i].origin};
    }

    /// They are made once; what the settings say of them now counts for the rest.
    void caches() {
        named("cache", _first.settings.caches, _first.caches);
        for (const auto& each : _now.settings.caches)
            for (auto& section : _rows.sections) {
                if (section.name != "cache." + each.name) continue;
                const auto now = each.common->effective();
                for (std::size_t i = 0; i < now.size(); ++i)
                    if (_now.sameCache(each.name, _first) || now[i].key.compare(0, 6, "scrub-") == 0)
                        section.settings[i] = {now[i].key, redacted(now[i].key, now[i].value), now[i].origin};
            }
    }

    template <class Common>
    void named(const std::string& kind, const std::vector<InstanceSettings<Common>>& instances, const Plans& plans) {
        for (const auto& each : instances) {
            section(kind + "." + each.name, *each.common);
            const auto plan = std::find_if(plans.begin(), plans.end(),
                                           [&](const InstancePlan& one) { return one.name == each.name; });
            if (plan != plans.end()) appendOwn(*plan, _rows.sections.back().settings);
        }
    }

    void sections() {
        const auto &settings = _now.settings, &started = _first.settings;
        section("plugins", settings.plugins, started.plugins);
        section("dataplane", settings.dataplane, started.dataplane);
        section("health", settings.health, started.health);
        section("admin", settings.admin, started.admin);
        section("index", settings.index, started.index);
        section("pull", settings.pull, started.pull);
        section("log", settings.log, started.log);
        section("extensions", settings.extensions);
        section("mesh", settings.mesh);
        section("reload", settings.reload);
        section("prefetch", settings.prefetch);
        caches();
        named("credential", settings.credentials, _now.credentials);
        named("backend", settings.backends, _now.backends);
        named("route", settings.routes, {});
    }

    const Configuration& _now;
    const Configuration& _first;
    const std::map<std::string, Metrics::PluginCalls> _calls;
    std::map<const ComponentFactory*, std::pair<std::string, std::string>> _plugins;
    SetupRows _rows;
};

} // namespace

SetupRows setupRows(const Generation& current, const Configuration& first, const Metrics& metrics,
                    const CacheTiers& cache) {
    return View(current, first, metrics, cache).take();
}

} // namespace wasmproxy::host
