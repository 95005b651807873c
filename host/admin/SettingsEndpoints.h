// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"
#include "wasmproxy/plugin/Settings.h"

#include <functional>
#include <string>
#include <vector>

namespace wasmproxy::host {

class AdminServer;

/// The log's level, and what is done with configurations. Never names or loads a library.
class SettingsEndpoints {
public:
    struct Reloaded {
        bool applied = false;
        std::uint64_t generation = 0; ///< of what is in force
        std::vector<SettingsProblem> problems;
        std::vector<std::string> restartNeeded; ///< keys
    };
    /// What is left empty is not offered.
    struct Actions {
        /// What is wrong with an INI text, as --check-config would say.
        std::function<std::vector<SettingsProblem>(const std::string& ini)> validate;
        std::function<Reloaded(const std::string& why)> reload;
    };

    explicit SettingsEndpoints(Actions actions) : _actions(std::move(actions)) {}
    void addTo(AdminServer& server) const;

private:
    AdminAnswer setLevel(const AdminRequest& request) const;
    AdminAnswer validate(const AdminRequest& request) const;
    AdminAnswer reload(const AdminRequest& request) const;

    Actions _actions;
};

} // namespace wasmproxy::host
