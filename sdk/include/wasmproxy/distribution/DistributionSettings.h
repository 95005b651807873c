// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

namespace wasmproxy {

/// What every registry backend built on DistributionBackend can be told; a backend with more settings derives from it.
class DistributionSettings : public Settings {
public:
    Setting<std::string> endpoint{this, "endpoint", "",
                                  "Where the registry is reached instead of at its own host: host, host:port or an "
                                  "http(s) URL without a path. Empty: at its own host."};
    Setting<bool> plainHttp{this, "plain-http", false,
                            "Speak http instead of https. Credentials then cross the network in clear."};
    Setting<std::vector<std::string>> tokenRealms{
        this,
        "token-realms",
        {},
        "Hosts (host or host:port) that may be sent this registry's credentials as its token service, besides its own "
        "host and hosts of its own registrable domain, each on the registry's port or the scheme's."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy
