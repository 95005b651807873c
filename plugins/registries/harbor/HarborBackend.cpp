// SPDX-License-Identifier: Apache-2.0
#include "HarborBackend.h"

namespace wasmproxy::harbor {

namespace {

class HarborDialect : public RegistryDialect {
public:
    ErrorCode codeOf(const Refusal& refusal) const override {
        const bool refused = refusal.status == 401 || refusal.status == 403;
        if (!refused || !refusal.byToken || !refusal.tokenSubject) return refusal.code;
        if (refusal.credential == Credential::Kind::Anonymous) return refusal.code;
        // Harbor writes the account into `sub`, and nothing there for who did not prove to be one.
        return refusal.tokenSubject->empty() ? ErrorCode::CredentialRefused : ErrorCode::RepositoryDenied;
    }
};

} // namespace

HarborBackend::HarborBackend(HostServices& host, std::unique_ptr<DistributionSettings> settings)
    : DistributionBackend(host, std::move(settings), std::make_unique<HarborDialect>()) {}

} // namespace wasmproxy::harbor
