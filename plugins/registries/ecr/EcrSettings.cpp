// SPDX-License-Identifier: Apache-2.0
#include "EcrSettings.h"

#include "wasmproxy/aws/Region.h"

namespace wasmproxy::ecr {

void EcrSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    DistributionSettings::validate(prefix, problems);
    const auto report = [&](const SettingBase& setting, const std::string& message) {
        problems.push_back({setting.origin(), prefix + setting.description().key, message});
    };
    if (identity.get() != "auto" && identity.get() != "none") report(identity, "expected auto or none");
    if (identity.get() == "none" && (accessKeyFile.given() || profile.given()))
        report(identity, "none, and yet access-key-file or profile is given: remove one of them");
    if (!accessKeyFile.get().empty() && accessKeyFile.get().front() != '/')
        report(accessKeyFile, "expected an absolute path such as /etc/wasm-proxy/aws-credentials");
    if (!region.get().empty() && !aws::isRegion(region.get())) report(region, "expected a region such as eu-west-1");
    for (const auto* each : {&apiEndpoint, &stsEndpoint, &metadataEndpoint})
        if (!each->get().empty() && !aws::isEndpoint(each->get()))
            report(*each, "expected host, host:port or an http(s) URL without user name and path");
}

} // namespace wasmproxy::ecr
