// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/Component.h"
#include "wasmproxy/plugin/Credential.h"

#include <string>
#include <vector>

namespace wasmproxy {

struct CredentialQuery {
    Repository repository;
    std::string secretName; ///< not empty: only credentials of the Secret of that name
};

/// Where credentials come from. All methods are thread-safe and may block until call.deadline().
class CredentialSource : public Component {
public:
    static constexpr const char* Seam = "wasmproxy.credential-source/1";

    /// Best first. Empty: none for the repository, the next source is asked. Throws SecretUnknown where the named
    /// Secret is not this source's, or another Error (usually CredentialSourceFault) where it cannot say; that stops
    /// the search, since another source's may be the wrong one. What is in force now: the next call sees a changed
    /// secret.
    virtual std::vector<Credential> find(Call& call, const CredentialQuery& query) = 0;
};

} // namespace wasmproxy
