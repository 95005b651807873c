// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"

#include "GcrSettings.h"
#include "Identity.h"
#include "SignedAssertion.h"

namespace wasmproxy::gcr {

/// A service account whose private key is in a JSON key file.
class ServiceAccount : public Identity {
public:
    /// `source` names the file for operators. Throws Error{CredentialSourceFault}: a member is missing, or `token_uri`
    /// is not Google's and the operator did not write `token-endpoint`.
    ServiceAccount(const StrictJson& file, const std::string& source, const GcrSettings& settings);

    std::string name() const override { return "service account " + _assertion.issuer; }
    Token obtain(HostServices& host, Call& call) const override;

private:
    SignedAssertion _assertion;
    Secret _privateKey;
    std::string _source;
};

} // namespace wasmproxy::gcr
