// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <chrono>
#include <string>
#include <vector>

namespace wasmproxy::vault {

class VaultSettings : public Settings {
public:
    Setting<std::string> address{this, "address", "", "Vault's or OpenBao's URL, https://vault.example:8200.", true};
    Setting<std::string> path{
        this, "path", "",
        "Where the secret of a registry lies, secret/data/registries/{host}. {host} is the registry's host[:port], "
        "{repository} the path below it. With or without the `data/` of a version 2 engine.",
        true};
    Setting<std::vector<std::string>> registry{
        this,
        "registry",
        {},
        "host[:port][/path] of the registries that Vault is asked for, host globs allowed; none: all. Needed where "
        "`path` holds no {host} and the secret is a user name and password."};
    Setting<std::string> kvVersion{this, "kv-version", "auto", "1, 2, or auto: Vault is asked which engine it is."};
    Setting<std::string> usernameField{this, "username-field", "username", "Field of the secret with the user name."};
    Setting<std::string> passwordField{this, "password-field", "password", "Field of the secret with the password."};

    Setting<std::string> auth{this, "auth", "", "How the proxy logs in: token, approle or kubernetes.", true};
    Setting<std::string> authMount{this, "auth-mount", "",
                                   "Where the auth method is mounted, without auth/; default: its own name."};
    Setting<std::string> role{this, "role", "",
                              "kubernetes: the role to log in with. approle: its name, to check a wrapped secret id."};
    Setting<std::string> tokenFile{this, "token-file", "", "token: file with the token, such as an agent's sink."};
    Setting<std::string> roleId{this, "role-id", "", "approle: the role id."};
    Setting<std::string> roleIdFile{this, "role-id-file", "", "approle: file with the role id, instead of role-id."};
    Setting<std::string> secretIdFile{this, "secret-id-file", "",
                                      "approle: file with the secret id; none for a role that needs none."};
    Setting<bool> secretIdWrapped{this, "secret-id-wrapped", false,
                                  "secret-id-file holds a response-wrapping token; it is unwrapped once."};
    Setting<std::string> jwtFile{this, "jwt-file", "/var/run/secrets/kubernetes.io/serviceaccount/token",
                                 "kubernetes: file with the service account's token."};
    Setting<std::string> vaultNamespace{this, "namespace", "", "Namespace of Vault Enterprise or OpenBao."};

    Setting<std::string> caFile{this, "ca-file", "",
                                "PEM file of the authorities that Vault's certificate may come from, instead of the "
                                "system's. Re-read when it changes."};
    Setting<std::vector<std::string>> redirectHosts{
        this,
        "redirect-hosts",
        {},
        "host[:port] of the other nodes that a standby may redirect to (307); the token goes to no other host."};
    Setting<std::chrono::milliseconds> timeout{this, "timeout", std::chrono::seconds(3), "Of one request to Vault."};
    Setting<std::chrono::milliseconds> refresh{this, "refresh", std::chrono::seconds(5),
                                               "A secret that was read longer ago is read again when it is needed."};
    Setting<std::chrono::milliseconds> retry{
        this, "retry", std::chrono::seconds(5),
        "While Vault fails it is asked once in this time. A refused login is repeated after six times this, doubling "
        "to sixty times, and at once when its files change."};
    Setting<std::chrono::milliseconds> keep{
        this, "keep", std::chrono::hours(12),
        "How long what was read last stays in force while Vault cannot be asked; a leased secret to the end of its "
        "lease at most."};

    std::string mount() const { return authMount.get().empty() ? auth.get() : authMount.get(); }

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::vault
