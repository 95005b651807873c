// SPDX-License-Identifier: Apache-2.0
#include "settings/HostSettings.h"

#include "settings/DocumentBuilder.h"
#include "settings/Listener.h"
#include "settings/Nearest.h"

#include <algorithm>
#include <cctype>

namespace wasmproxy::host {
namespace {

using Problems = std::vector<SettingsProblem>;

const std::vector<std::string> SingleKinds{"plugins", "dataplane",  "health", "admin",  "index",   "pull",
                                           "log",     "extensions", "mesh",   "reload", "prefetch"};
const std::vector<std::string> NamedKinds{"cache", "credential", "backend", "route"};

bool contains(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<std::string> keysOf(const std::vector<SettingDescription>& descriptions) {
    std::vector<std::string> keys;
    for (const SettingDescription& description : descriptions)
        keys.push_back(description.key);
    return keys;
}

void checkKind(const SettingsSection& section, Problems& problems) {
    const std::string full = section.prefix().substr(0, section.prefix().size() - 1);
    std::string message;
    if (contains(NamedKinds, section.kind)) {
        if (section.name.empty()) message = "this section needs a name, for example [" + section.kind + ".main]";
    } else if (contains(SingleKinds, section.kind)) {
        if (!section.name.empty()) message = "this section has no name; write [" + section.kind + "]";
    } else {
        std::vector<std::string> kinds = SingleKinds;
        kinds.insert(kinds.end(), NamedKinds.begin(), NamedKinds.end());
        const std::string near = nearest(section.kind, kinds);
        if (!near.empty()) {
            message = "this section is not known; did you mean '" + near + "'?";
        } else {
            message = "this section is not known; known are plugins, dataplane, health, admin, index, pull, log, "
                      "extensions, mesh, reload, prefetch, cache.NAME, credential.NAME, backend.NAME and route.NAME";
        }
    }
    if (!message.empty()) problems.push_back({section.origin, full, message});
}

/// Settings::apply, with the nearest of `known` for a wrong key and the section as origin of problems that no line has.
void applyValues(Settings& settings, const std::vector<KeyValue>& values, const std::string& prefix,
                 const std::string& origin, const std::vector<std::string>& known, Problems& problems) {
    std::map<std::string, bool> required;
    for (const SettingDescription& description : settings.describe())
        required[prefix + description.key] = description.required;
    std::vector<KeyValue> ownValues;
    for (const KeyValue& value : values) {
        if (required.count(prefix + value.key) != 0) {
            ownValues.push_back(value);
        } else {
            problems.push_back({value.origin, prefix + value.key, unknownKeyMessage(value.key, known)});
        }
    }
    Problems found;
    settings.apply(ownValues, prefix, found);
    for (SettingsProblem& problem : found) {
        const bool written = std::any_of(ownValues.begin(), ownValues.end(),
                                         [&](const KeyValue& value) { return problem.key == prefix + value.key; });
        if (problem.origin.empty() || (!written && required[problem.key])) problem.origin = origin;
        problems.push_back(std::move(problem));
    }
}

void applySection(Settings& settings, const std::vector<KeyValue>& values, const SettingsSection& section,
                  Problems& problems) {
    applyValues(settings, values, section.prefix(), section.origin, keysOf(settings.describe()), problems);
}

void applySingle(Settings& settings, const char* kind, const SettingsDocument& document, Problems& problems) {
    if (const SettingsSection* section = document.find(kind))
        applySection(settings, section->values, *section, problems);
}

template <class Common>
void applyInstances(std::vector<InstanceSettings<Common>>& instances, const char* kind, bool hasPlugin,
                    const SettingsDocument& document, Problems& problems) {
    for (const SettingsSection* section : document.all(kind)) {
        if (section->name.empty()) continue; // checkKind said so
        InstanceSettings<Common> instance;
        instance.name = section->name;
        instance.prefix = section->prefix();
        instance.origin = section->origin;
        const std::vector<std::string> known = keysOf(instance.common->describe());
        std::vector<KeyValue> commonValues;
        for (const KeyValue& value : section->values) {
            const bool isCommon = !hasPlugin || contains(known, value.key);
            (isCommon ? commonValues : instance.pluginValues).push_back(value);
        }
        applySection(*instance.common, commonValues, *section, problems);
        instances.push_back(std::move(instance));
    }
}

/// A literal `listen`; nullopt and a problem if it is none.
std::optional<Listener> checkListen(const Setting<std::string>& listen, const char* key, Problems& problems) {
    const std::optional<Listener> result = Listener::parse(listen.get());
    if (!result) problems.push_back({listen.origin(), key, Listener::expected()});
    return result;
}

void checkListeners(const HostSettings& settings, Problems& problems) {
    const auto dataplane = checkListen(settings.dataplane.listen, "dataplane.listen", problems);
    const auto health = checkListen(settings.health.listen, "health.listen", problems);
    const auto admin = checkListen(settings.admin.listen, "admin.listen", problems);
    if (dataplane && !dataplane->loopback && !settings.dataplane.allowFrom.given()) {
        problems.push_back({settings.dataplane.listen.origin(), "dataplane.allow-from",
                            "must be written where `listen` is not loopback, for example 10.0.0.0/8: whoever may ask "
                            "can read every routed module"});
    }
    for (const std::string& network : settings.dataplane.allowFrom.get()) {
        if (isNetwork(network)) continue;
        problems.push_back({settings.dataplane.allowFrom.origin(), "dataplane.allow-from",
                            "'" + network +
                                "' is not an address or a network such as 10.0.0.0/8 (the bits after the "
                                "prefix must be zero)"});
    }
    const auto& protection = settings.admin;
    if (admin && !admin->loopback && protection.operateTokenFile->empty() && protection.readTokenFile->empty() &&
        protection.clientCa->empty()) {
        problems.push_back({settings.admin.listen.origin(), "admin.listen",
                            "is not loopback, so something must protect it: write operate-token-file with "
                            "tls-certificate and tls-key, or client-ca with operate-names; or write 127.0.0.1:8081"});
    }
    const auto distinct = [&](const std::optional<Listener>& a, const Setting<std::string>& listenA, const char* keyA,
                              const std::optional<Listener>& b, const Setting<std::string>& listenB, const char* keyB) {
        if (!a || !b || a->port == 0 || a->port != b->port || a->address != b->address) return;
        const bool first = listenA.given(); // a default cannot be at fault
        problems.push_back({first ? listenA.origin() : listenB.origin(), first ? keyA : keyB,
                            std::string("the same address and port as ") + (first ? keyB : keyA)});
    };
    distinct(health, settings.health.listen, "health.listen", dataplane, settings.dataplane.listen, "dataplane.listen");
    distinct(admin, settings.admin.listen, "admin.listen", dataplane, settings.dataplane.listen, "dataplane.listen");
    distinct(admin, settings.admin.listen, "admin.listen", health, settings.health.listen, "health.listen");
}

/// Host names have no case, so two patterns that differ only there are the same.
std::string canonicalPattern(std::string pattern) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    std::transform(pattern.begin(), pattern.begin() + static_cast<std::ptrdiff_t>(end), pattern.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return pattern;
}

void checkRoutes(const std::vector<InstanceSettings<RouteSettings>>& routes, Problems& problems) {
    std::map<std::string, const InstanceSettings<RouteSettings>*> seen;
    for (const auto& route : routes) {
        if (!route.common->match.given()) continue;
        const auto [first, added] = seen.emplace(canonicalPattern(route.common->match.get()), &route);
        if (added) continue;
        problems.push_back({route.common->match.origin(), route.prefix + "match",
                            "the same pattern as " + first->second->prefix + "match at " +
                                first->second->common->match.origin() + "; a repository can have one route only"});
    }
}

} // namespace

std::string unknownKeyMessage(const std::string& key, const std::vector<std::string>& known) {
    const std::string near = nearest(key, known);
    if (!near.empty()) return "this key is not known; did you mean '" + near + "'?";
    std::string list;
    for (const std::string& word : known)
        list += (list.empty() ? "" : ", ") + word;
    return "this key is not known; known are: " + list;
}

void applyPluginSettings(Settings& plugin, const std::vector<KeyValue>& values, const std::string& prefix,
                         const std::string& origin, const Settings& common, Problems& problems) {
    std::vector<std::string> known = keysOf(plugin.describe());
    for (const std::string& key : keysOf(common.describe()))
        known.push_back(key);
    applyValues(plugin, values, prefix, origin, known, problems);
}

void HostSettings::apply(const SettingsDocument& document, Problems& problems) {
    const std::size_t before = problems.size();
    for (const SettingsSection& section : document.sections)
        checkKind(section, problems);
    applySingle(plugins, "plugins", document, problems);
    applySingle(dataplane, "dataplane", document, problems);
    applySingle(health, "health", document, problems);
    applySingle(admin, "admin", document, problems);
    applySingle(index, "index", document, problems);
    applySingle(pull, "pull", document, problems);
    applySingle(log, "log", document, problems);
    applySingle(extensions, "extensions", document, problems);
    applySingle(mesh, "mesh", document, problems);
    applySingle(reload, "reload", document, problems);
    applySingle(prefetch, "prefetch", document, problems);
    applyInstances(backends, "backend", true, document, problems);
    applyInstances(credentials, "credential", true, document, problems);
    applyInstances(caches, "cache", true, document, problems);
    applyInstances(routes, "route", false, document, problems);
    checkListeners(*this, problems);
    checkRoutes(routes, problems);
    if (problems.size() <= before + MaxSettingsProblems) return;
    problems.resize(before + MaxSettingsProblems);
    problems.push_back({"", "", "more problems are not shown; correct the ones above first"});
}

} // namespace wasmproxy::host
