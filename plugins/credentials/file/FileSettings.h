// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <chrono>
#include <string>
#include <vector>

namespace wasmproxy::file {

/// One of three forms: a docker config file, a kubelet's credential providers, or one entry with its password in a
/// file of its own.
class FileSettings : public Settings {
public:
    Setting<std::string> dockerConfig{
        this, "docker-config", "",
        "Absolute path of a docker config.json or containers auth.json: `credHelpers`, then `credsStore`, then "
        "`auths`. Re-read when it changes."};
    Setting<std::string> providerConfig{
        this, "credential-provider-config", "",
        "Absolute path of a kubelet's CredentialProviderConfig, YAML or JSON. Re-read when it changes."};
    Setting<std::string> providerDirectory{this, "credential-provider-bin-dir", "",
                                           "Absolute directory that holds the providers' programs."};
    Setting<std::chrono::milliseconds> providerCacheLimit{
        this, "credential-provider-cache-limit", std::chrono::minutes(10),
        "No answer of a provider is kept for longer, whatever `cacheDuration` says, so that a credential that was "
        "withdrawn is asked for anew."};
    Setting<std::vector<std::string>> helperPath{
        this,
        "helper-path",
        {"/usr/local/bin", "/usr/bin", "/bin"},
        "Absolute directories where docker-credential-* programs are looked for, in order; the PATH of every program "
        "that is run. The process's own PATH does not count."};
    Setting<std::vector<std::string>> helperEnvironment{
        this,
        "helper-environment",
        {},
        "What programs see of the environment besides PATH and HOME: NAME passes on the process's own variable, "
        "NAME=value sets one. Not for secrets: settings are printed."};
    Setting<std::string> registry{this, "registry", "", "host[:port][/path] that the user name and password are for."};
    Setting<std::string> username{this, "username", "",
                                  "User name; `<token>` if the password file holds an OAuth2 refresh token."};
    Setting<std::string> passwordFile{
        this, "password-file", "",
        "Absolute path of a file that holds the password and nothing else; one trailing newline is not part of it. "
        "Re-read when it changes."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::file
