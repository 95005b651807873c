// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::file {

/// One of two forms: a docker config file, or one entry with its password in a file of its own.
class FileSettings : public Settings {
public:
    Setting<std::string> dockerConfig{
        this, "docker-config", "",
        "Absolute path of a docker config.json or containers auth.json. Re-read when it changes. Not together with the "
        "other keys."};
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
