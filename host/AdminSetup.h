// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminOptions.h"
#include "settings/HostSettings.h"

namespace wasmproxy::host {

AdminOptions adminOptions(const HostSettings& settings);

/// Appends what is wrong with [admin] beyond single values: files that cannot be used, keys that need one another.
void checkAdmin(const HostSettings& settings, std::vector<SettingsProblem>& problems);

} // namespace wasmproxy::host
