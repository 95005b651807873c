// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "AwsCredentials.h"
#include "EcrHost.h"

#include "wasmproxy/plugin/Call.h"

#include <functional>
#include <optional>
#include <string>

namespace wasmproxy::ecr {

/// An environment variable's value; "" where it is not set.
using Environment = std::function<std::string(const char* name)>;

/// One place where AWS credentials may be found. Thread-safe; reads anew each time.
class CredentialLink {
public:
    CredentialLink() = default;
    virtual ~CredentialLink() = default;
    CredentialLink(const CredentialLink&) = delete;
    CredentialLink& operator=(const CredentialLink&) = delete;

    /// nullopt: nothing is set up here, ask the next link. Throws Error where something is set up and does not work:
    /// the next one might be somebody else. `registry` says in which region.
    virtual std::optional<AwsCredentials> find(Call& call, const EcrHost& registry) = 0;
};

} // namespace wasmproxy::ecr
