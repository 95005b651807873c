// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wasmproxy::ecr {

/// What an ECR registry's host name says. Value type.
struct EcrHost {
    bool isPublic = false; ///< ECR Public: one registry for all, its API in us-east-1 alone
    std::string account;   ///< empty for ECR Public
    std::string region;
    std::string suffix; ///< "amazonaws.com"
    bool fips = false;

    /// 123456789012.dkr.ecr[-fips].REGION.SUFFIX, 123456789012.dkr-ecr…, public.ecr.aws, ecr-public.aws.com; lower
    /// case, without port.
    static std::optional<EcrHost> parse(std::string_view host);
    /// A private registry that is reached by a name of the operator's.
    static EcrHost inRegion(const std::string& region);

    std::string apiHost() const;                                            ///< of GetAuthorizationToken
    std::string stsHost() const;                                            ///< of the region's token service
    const char* service() const { return isPublic ? "ecr-public" : "ecr"; } ///< as in signatures
};

} // namespace wasmproxy::ecr
