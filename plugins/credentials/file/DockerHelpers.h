// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "SharedRun.h"
#include "ShortMemory.h"
#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Credential.h"

#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::file {

/// Asks programs of the docker-credential-helpers protocol. Thread-safe.
class DockerHelpers {
public:
    /// How long an answer serves further calls; a secret that the helper knows anew is used no later than that.
    static constexpr std::chrono::milliseconds Memory{2000};
    static constexpr std::chrono::milliseconds Limit{60000};

    DockerHelpers(std::vector<std::string> directories, std::vector<std::string> environment)
        : _directories(std::move(directories)), _environment(std::move(environment)) {}

    /// What docker-credential-`name` has for the registry; nullopt: nothing. `path` is the file that names it.
    /// Throws Error{CredentialSourceFault}.
    std::optional<Credential> find(Call& call, const std::string& name, const std::string& path,
                                   const Repository& repository);

private:
    std::optional<Credential> run(Call& call, const std::string& name, const std::string& path,
                                  const std::string& server) const;

    const std::vector<std::string> _directories;
    const std::vector<std::string> _environment;
    ShortMemory<std::optional<Credential>> _memory;
    SharedRun<std::optional<Credential>> _runs;
};

} // namespace wasmproxy::file
