// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialLink.h"
#include "EcrSettings.h"

#include "wasmproxy/plugin/HostServices.h"

#include <memory>
#include <vector>

namespace wasmproxy::ecr {

/// The links in AWS's order: environment, web identity, shared files, container, instance. With access-key-file or
/// profile that file alone. Thread-safe.
class CredentialChain {
public:
    CredentialChain(HostServices& host, const EcrSettings& settings, const Environment& environment);

    /// The first link's that has one; nullopt: none has. Throws as the links do.
    std::optional<AwsCredentials> find(Call& call, const EcrHost& registry) const;

private:
    std::vector<std::unique_ptr<CredentialLink>> _links;
};

} // namespace wasmproxy::ecr
