// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/TokenCache.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/HostServices.h"

#include <string>

namespace wasmproxy::gcr {

/// What all access tokens are asked for; what they may do is decided by roles.
inline constexpr const char* CloudPlatform = "https://www.googleapis.com/auth/cloud-platform";

/// Somebody whom Google knows and in whose name an access token can be had. Immutable.
class Identity {
public:
    Identity() = default;
    virtual ~Identity() = default;
    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;

    /// What an operator knows it by; no secret.
    virtual std::string name() const = 0;
    /// A new access token. Throws Error{CredentialSourceFault} or Error{DeadlineExceeded}.
    virtual Token obtain(HostServices& host, Call& call) const = 0;
};

} // namespace wasmproxy::gcr
