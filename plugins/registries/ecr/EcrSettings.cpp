// SPDX-License-Identifier: Apache-2.0
#include "EcrSettings.h"

#include "EcrHost.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

namespace wasmproxy::ecr {
namespace {

HttpUrl urlOf(const std::string& endpoint) {
    const bool whole = endpoint.find("://") != std::string::npos;
    return HttpUrl::parse(whole ? endpoint : "https://" + endpoint, "endpoint");
}

bool isEndpoint(const std::string& text) {
    try {
        return urlOf(text).target() == "/" && text.find_first_of("?#") == std::string::npos;
    } catch (const Error&) {
        return false;
    }
}

} // namespace

std::string originOf(const std::string& endpoint) {
    return urlOf(endpoint).origin();
}

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
    if (!region.get().empty() && !isRegion(region.get())) report(region, "expected a region such as eu-west-1");
    for (const auto* each : {&apiEndpoint, &stsEndpoint, &metadataEndpoint})
        if (!each->get().empty() && !isEndpoint(each->get()))
            report(*each, "expected host, host:port or an http(s) URL without user name and path");
}

} // namespace wasmproxy::ecr
