// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/plugin/HttpTransport.h"

#include "GcrSettings.h"
#include "Identity.h"

#include <vector>

namespace wasmproxy::gcr {

/// Workload identity federation (`external_account`): another provider's token, from a file or a URL, is exchanged for
/// Google's, and that, where the file says so, for a service account's.
class FederatedAccount : public Identity {
public:
    /// `source` names the file for operators. Throws Error{CredentialSourceFault}: a member is missing, a kind of
    /// subject token is not supported, or a URL is not Google's and not written by the operator.
    FederatedAccount(const StrictJson& file, const std::string& source, const GcrSettings& settings);

    std::string name() const override { return _account.empty() ? "workload identity " + _audience : _account; }
    Token obtain(HostServices& host, Call& call) const override;

private:
    void readSubjectSource(const StrictJson& json);
    Secret subjectToken(HostServices& host, Call& call) const;
    Token impersonate(HostServices& host, Call& call, const Secret& federated) const;
    [[noreturn]] void fail(const std::string& why, const std::string& hint = {}) const;
    std::string google(const std::string& url, const std::string& member, const std::string& setting) const;

    std::string _source;
    std::string _audience;
    std::string _subjectTokenType;
    std::string _tokenUrl;
    std::string _impersonationUrl; ///< empty: the federated token is the result
    std::string _account;          ///< whom that URL impersonates
    std::string _subjectFile;      ///< or:
    std::string _subjectUrl;
    std::vector<HttpHeader> _subjectHeaders;
    std::string _subjectField; ///< of a JSON document; empty: the text is the token
};

} // namespace wasmproxy::gcr
