// SPDX-License-Identifier: Apache-2.0
#include "EcrBackend.h"

#include <cstring>

namespace wasmproxy::ecr {
namespace {

bool holds(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

class EcrDialect : public RegistryDialect {
public:
    explicit EcrDialect(std::shared_ptr<EcrIdentity> identity) : _identity(std::move(identity)) {}

    Credential credentialFor(Call& call, const Repository& repository, const Credential& credential,
                             bool renew) override {
        return renew && _identity ? _identity->renewed(call, repository, credential) : credential;
    }

    /// 403 with "Your authorization token has expired", also without JSON; ECR Public's 400, which has no challenge.
    bool saysExpired(int status, const std::string& message) const override {
        return status == 401 || status == 400 ||
               (status == 403 && (holds(message, "token has expired") || holds(message, "Reauthenticate")));
    }

private:
    const std::shared_ptr<EcrIdentity> _identity;
};

std::shared_ptr<EcrIdentity> identityOf(HostServices& host, const EcrSettings& settings,
                                        const aws::Environment& environment) {
    if (settings.identity.get() == "none") return nullptr;
    return std::make_shared<EcrIdentity>(host, settings, environment);
}

} // namespace

EcrBackend::EcrBackend(HostServices& host, std::unique_ptr<EcrSettings> settings)
    : EcrBackend(host, std::move(settings), aws::processEnvironment) {}

EcrBackend::EcrBackend(HostServices& host, std::unique_ptr<EcrSettings> settings, const aws::Environment& environment)
    : EcrBackend(host, identityOf(host, *settings, environment), std::move(settings)) {}

EcrBackend::EcrBackend(HostServices& host, std::shared_ptr<EcrIdentity> identity,
                       std::unique_ptr<EcrSettings>&& settings)
    : DistributionBackend(host, std::move(settings), std::make_unique<EcrDialect>(identity)),
      _identity(std::move(identity)) {}

void* EcrBackend::ability(const char* id) noexcept {
    if (_identity && std::strcmp(id, CredentialSource::Seam) == 0)
        return static_cast<CredentialSource*>(_identity.get());
    return DistributionBackend::ability(id);
}

bool isEcr(const std::string& host) {
    if (host.compare(0, 2, "*.") != 0) return EcrHost::parse(host).has_value();
    std::string example = "000000000000" + host.substr(1);
    if (const auto star = example.find(".*."); star != std::string::npos) example.replace(star + 1, 1, "region");
    return EcrHost::parse(example).has_value();
}

} // namespace wasmproxy::ecr
