// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/aws/AwsCredentials.h"
#include "wasmproxy/plugin/HostServices.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::aws {

class CredentialLink;

/// An environment variable's value; "" where it is not set.
using Environment = std::function<std::string(const char* name)>;

/// The process's.
std::string processEnvironment(const char* name);

/// Where the chain looks, as settings have it; any may be empty. Value type.
struct CredentialPlaces {
    std::string accessKeyFile;    ///< in the format of ~/.aws/credentials; that file alone
    std::string profile;          ///< of it or of the shared files; that profile alone
    std::string stsEndpoint;      ///< instead of the region's token service
    std::string metadataEndpoint; ///< instead of http://169.254.169.254
};

/// The links in AWS's order: environment, web identity, shared files, container, instance. With access-key-file or
/// profile that file alone. Thread-safe.
class CredentialChain {
public:
    CredentialChain(HostServices& host, const CredentialPlaces& places, const Environment& environment);
    ~CredentialChain();

    /// The first link's that has one; nullopt: none has. Throws as the links do. `stsHost`: of the region's token
    /// service.
    std::optional<AwsCredentials> find(Call& call, const std::string& stsHost) const;

    /// The fixed addresses that it asks, and the host of the URI in the environment: ComponentFactory::trustedHosts().
    static std::vector<std::string> hosts(const Environment& environment);

private:
    std::vector<std::unique_ptr<CredentialLink>> _links;
};

} // namespace wasmproxy::aws
