// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings/SettingsReference.h"

#include <string>
#include <vector>

namespace wasmproxy::host {

/// One section of the reference: its header, what it is for and its keys.
struct SectionReference {
    std::string header;  ///< "pull", "cache.NAME"
    std::string example; ///< "pull", "cache.example"
    std::string text;
    std::vector<SettingDescription> settings;
};

/// All sections in the order of the reference: the host's, and after each kind those of its plugins.
std::vector<SectionReference> referenceSections(const std::vector<PluginReference>& plugins);

} // namespace wasmproxy::host
