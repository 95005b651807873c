// SPDX-License-Identifier: Apache-2.0
#include "FileSettings.h"

#include "wasmproxy/credentials/RegistryPattern.h"

namespace wasmproxy::file {

namespace {

bool isAbsolute(const std::string& path) {
    return !path.empty() && path.front() == '/' && path.find('\0') == std::string::npos;
}

bool isVariable(const std::string& text) {
    const std::string name = text.substr(0, text.find('='));
    const bool digit = !name.empty() && name.front() >= '0' && name.front() <= '9';
    return !name.empty() && !digit && text.find('\0') == std::string::npos &&
           name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
               std::string::npos;
}

} // namespace

void FileSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    const auto report = [&](const SettingBase& setting, const std::string& message) {
        problems.push_back({setting.origin(), prefix + setting.description().key, message});
    };
    const auto exclude = [&](const std::vector<const SettingBase*>& settings, const std::string& other) {
        for (const SettingBase* setting : settings)
            if (setting->given())
                report(*setting, "not together with " + other + ": use one credentials section for each");
    };
    const std::vector<const SettingBase*> entry{&registry, &username, &passwordFile};
    const std::vector<const SettingBase*> providers{&providerConfig, &providerDirectory, &providerCacheLimit};
    const std::vector<const SettingBase*> programs{&helperPath, &helperEnvironment};

    for (const std::string& directory : helperPath.get())
        if (!isAbsolute(directory) || directory.find(':') != std::string::npos)
            report(helperPath, "expected absolute directories without ':', such as /usr/local/bin");
    for (const std::string& variable : helperEnvironment.get())
        if (!isVariable(variable)) report(helperEnvironment, "expected names of variables, or NAME=value");
    if (dockerConfig.given()) {
        exclude(providers, "docker-config");
        exclude(entry, "docker-config");
        if (!isAbsolute(dockerConfig))
            report(dockerConfig, "expected an absolute path such as /etc/wasm-proxy/config.json");
        return;
    }
    if (providerConfig.given() || providerDirectory.given()) {
        exclude(entry, "credential-provider-config");
        for (const auto* path : {&providerConfig, &providerDirectory}) {
            if (!path->given())
                report(*path, "missing: credential-provider-config and credential-provider-bin-dir belong together");
            else if (!isAbsolute(path->get()))
                report(*path, "expected an absolute path such as /etc/kubernetes/credential-providers");
        }
        return;
    }
    exclude({&providerCacheLimit}, "other than credential-provider-config");
    exclude(programs, "other than docker-config or credential-provider-config");
    std::size_t given = 0;
    for (const SettingBase* setting : entry)
        given += setting->given();
    if (given == 0) {
        report(dockerConfig, "missing: set docker-config, or credential-provider-config and "
                             "credential-provider-bin-dir, or registry, username and password-file");
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
