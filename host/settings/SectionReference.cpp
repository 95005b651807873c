// SPDX-License-Identifier: Apache-2.0
#include "settings/SectionReference.h"

#include "settings/HostSettings.h"

namespace wasmproxy::host {
namespace {

SectionReference single(const char* kind, const char* text, const Settings& settings) {
    return {kind, kind, text, settings.describe()};
}

void named(const std::string& kind, const char* text, const Settings& settings,
           const std::vector<PluginReference>& plugins, std::vector<SectionReference>& sections) {
    sections.push_back({kind + ".NAME", kind + ".example", text, settings.describe()});
    for (const PluginReference& plugin : plugins) {
        if (plugin.kind != kind) continue;
        SectionReference section{kind + ".NAME with plugin = " + plugin.plugin,
                                 kind + "." + plugin.plugin,
                                 "Keys of the plugin " + plugin.plugin + ", beside those of every " + kind + ".",
                                 {}};
        section.settings.push_back({"plugin", "text", plugin.plugin, "Chooses this plugin.", false});
        section.settings.insert(section.settings.end(), plugin.settings.begin(), plugin.settings.end());
        sections.push_back(std::move(section));
    }
}

} // namespace

std::vector<SectionReference> referenceSections(const std::vector<PluginReference>& plugins) {
    std::vector<SectionReference> sections;
    sections.push_back(single("plugins", "Where plugins come from.", PluginsSettings()));
    sections.push_back(single("dataplane", "Where proxies fetch modules.", DataplaneSettings()));
    sections.push_back(single("health", "Liveness, readiness and metrics.", HealthSettings()));
    sections.push_back(single("admin", "The REST endpoints of the operator.", AdminSettings()));
    sections.push_back(single("index", "What is known of tags, contents and modules.", IndexSettings()));
    sections.push_back(single("pull", "How modules are pulled from registries.", PullSettings()));
    sections.push_back(single("log", "Lines on standard error.", LogSettings()));
    sections.push_back(single("extensions", "The catalog of WasmExtensions.", ExtensionsSettings()));
    sections.push_back(single("mesh", "What the mesh gets.", MeshSettings()));
    sections.push_back(single("prefetch", "What is pulled before anybody asks.", PrefetchSettings()));
    sections.push_back(single("reload", "When the configuration is read again.", ReloadSettings()));
    named("cache", "A store of blobs. The name is free; [pull] `caches` orders them.", CacheSettings(), plugins,
          sections);
    named("credential", "A source of credentials. The name is free; [pull] and routes refer to it.",
          CredentialSettings(), plugins, sections);
    named("backend", "How a kind of registry is spoken to. The name is free; routes refer to it.", BackendSettings(),
          plugins, sections);
    named("route", "Which repositories are served, and how. What no route matches is refused.", RouteSettings(), {},
          sections);
    return sections;
}

} // namespace wasmproxy::host
