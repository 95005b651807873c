// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "EcrIdentity.h"

#include "wasmproxy/distribution/DistributionBackend.h"

#include <memory>

namespace wasmproxy::ecr {

/// Amazon ECR, private and public.
class EcrBackend : public DistributionBackend {
public:
    EcrBackend(HostServices& host, std::unique_ptr<EcrSettings> settings);
    EcrBackend(HostServices& host, std::unique_ptr<EcrSettings> settings, const aws::Environment& environment);

    void* ability(const char* id) noexcept override;

private:
    // A reference, so that the settings are still there when the identity is made of them.
    EcrBackend(HostServices& host, std::shared_ptr<EcrIdentity> identity, std::unique_ptr<EcrSettings>&& settings);

    const std::shared_ptr<EcrIdentity> _identity; ///< the dialect has it, too; null: the setting says none
};

/// Does the host, in which whole labels may be `*`, belong to ECR?
bool isEcr(const std::string& host);

} // namespace wasmproxy::ecr
