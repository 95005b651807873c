// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include <chrono>
#include <string>

namespace wasmproxy::gcr {

/// The JWT by which a service account shows that it holds its key (RFC 7523), as Google's token service wants it.
/// Value type.
struct SignedAssertion {
    std::string issuer; ///< client_email
    std::string keyId;  ///< private_key_id; may be empty
    std::string audience;
    std::string scope;

    static constexpr std::chrono::seconds Life{3600};     ///< the most that Google accepts
    static constexpr std::chrono::seconds ClockDrift{10}; ///< issued so long ago, for clocks that are behind ours

    /// Signed with RS256 by the RSA key `privateKey` (PEM, not encrypted). Throws Error{CredentialSourceFault}.
    Secret sign(const Secret& privateKey, std::chrono::system_clock::time_point now) const;
};

/// RFC 4648, section 5, without padding.
std::string base64Url(std::string_view bytes);

} // namespace wasmproxy::gcr
