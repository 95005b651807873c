// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/aws/AwsCredentials.h"

#include "wasmproxy/aws/CredentialChain.h"

#include <optional>
#include <string>

namespace wasmproxy::aws {

/// One place where AWS credentials may be found. Thread-safe; reads anew each time.
class CredentialLink {
public:
    CredentialLink() = default;
    virtual ~CredentialLink() = default;
    CredentialLink(const CredentialLink&) = delete;
    CredentialLink& operator=(const CredentialLink&) = delete;

    /// nullopt: nothing is set up here, ask the next link. Throws Error where something is set up and does not work:
    /// the next one might be somebody else. `stsHost`: of the region's token service.
    virtual std::optional<AwsCredentials> find(Call& call, const std::string& stsHost) = 0;
};

} // namespace wasmproxy::aws
