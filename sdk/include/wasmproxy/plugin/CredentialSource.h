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

    /// Best first. Empty: this source has none for the repository, ask the next one. Throws Error (usually
    /// CredentialSourceFault) where it cannot say; that stops the search, since another source's credential may be the
    /// wrong one. Always answers with what is in force now: a changed secret is seen by the next call.
    virtual std::vector<Credential> find(Call& call, const CredentialQuery& query) = 0;
};

} // namespace wasmproxy
