// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/CredentialEntry.h"

#include <string>
#include <string_view>
#include <vector>

namespace wasmproxy {

/// One line of `credHelpers`: the program docker-credential-NAME knows the credential of a registry.
struct HelperRule {
    RegistryPattern registry;
    std::string name; ///< as it stands; see isHelperName()
};

/// All that a docker config.json or containers auth.json says of credentials.
struct DockerConfig {
    CredentialEntries auths;
    std::vector<HelperRule> helpers;
    std::string store; ///< `credsStore`: the helper for every other registry; empty: none

    /// The helpers to ask before `auths`, in order. None where `credHelpers` names the file itself for the registry
    /// (`containers-auth.json`, or nothing).
    std::vector<std::string> helpersOf(const Repository& repository) const;
};

/// `[A-Za-z0-9._-]+`: what may follow "docker-credential-". No path is among them.
bool isHelperName(std::string_view name) noexcept;

/// Reads a docker config.json or containers auth.json. An entry of `auths` that is unusable is left out with a warning;
/// only a document that is no such file throws Error{CredentialSourceFault}. `path` names it in errors and in the
/// credentials' names. Sources: docker/cli config, containers-auth.json(5).
DockerConfig readDockerConfig(std::string_view text, const std::string& path);

/// The same for who runs no helpers: `auths` alone, and a warning where there is more.
CredentialEntries parseDockerConfig(std::string_view text, const std::string& path);

} // namespace wasmproxy
