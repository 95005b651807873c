// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::host {

/// What one plugin reads of its sections.
struct PluginReference {
    std::string kind;   ///< "cache", "credential" or "backend"
    std::string plugin; ///< "disk"
    std::vector<SettingDescription> settings;
};

/// --print-settings: an INI file in which every key is a comment `#key = default` below its description. It is itself a
/// valid file, with and without its `#`.
std::string printSettingsIni(const std::vector<PluginReference>& plugins);

/// docs/configuration.md.
std::string printSettingsMarkdown(const std::vector<PluginReference>& plugins);

} // namespace wasmproxy::host
