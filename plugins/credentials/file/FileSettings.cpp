// SPDX-License-Identifier: Apache-2.0
#include "FileSettings.h"

#include "wasmproxy/credentials/RegistryPattern.h"

namespace wasmproxy::file {

namespace {

bool isAbsolute(const std::string& path) {
    return !path.empty() && path.front() == '/' && path.find('\0') == std::string::npos;
}

} // namespace

void FileSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    const auto report = [&](const SettingBase& setting, const std::string& message) {
        problems.push_back({setting.origin(), prefix + setting.description().key, message});
    };
    const std::vector<const SettingBase*> entry{&registry, &username, &passwordFile};
    std::size_t given = 0;
    for (const SettingBase* setting : entry)
        given += setting->given();

    if (dockerConfig.given()) {
        for (const SettingBase* setting : entry)
            if (setting->given())
                report(*setting, "not together with docker-config: use one credentials section for each");
        if (!isAbsolute(dockerConfig))
            report(dockerConfig, "expected an absolute path such as /etc/wasm-proxy/config.json");
        return;
    }
    if (given == 0) {
        report(dockerConfig, "missing: set docker-config, or registry, username and password-file");
        return;
    }
    for (const SettingBase* setting : entry)
        if (!setting->given()) report(*setting, "missing: registry, username and password-file belong together");
    if (username.given() && username.get().empty()) report(username, "expected a user name");
    if (passwordFile.given() && !isAbsolute(passwordFile))
        report(passwordFile, "expected an absolute path such as /etc/wasm-proxy/password");
    if (registry.given() && !RegistryPattern::parse(registry.get()))
        report(registry, "expected host[:port][/path], such as registry.example.com/team");
    else if (registry.given() && registry.get().find_first_of("*?") != std::string::npos)
        report(registry, "expected one registry; wildcards are for the keys of a docker-config file");
}

} // namespace wasmproxy::file
