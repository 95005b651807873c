// SPDX-License-Identifier: Apache-2.0
#include "GcrSettings.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

namespace wasmproxy::gcr {

namespace {

/// "" or what is wrong with it. `bare`: nothing may follow the host and port.
std::string wrongUrl(const std::string& text, bool bare, bool secure) {
    try {
        const HttpUrl url = HttpUrl::parse(text, "URL");
        const bool here = url.host() == "localhost" || (url.isAddress() && url.isPrivateAddress());
        if (secure && !url.secure() && !here) return "expected an https URL: secrets are sent there";
        if (url.target().find_first_of("?#") != std::string::npos || text.find('#') != std::string::npos)
            return "expected a URL without query and fragment";
        if (bare && url.target() != "/") return "expected a URL without a path: its paths are fixed";
        return "";
    } catch (const Error& error) {
        return error.what(); // never shows the URL, which may hold a password
    }
}

} // namespace

void GcrSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    DistributionSettings::validate(prefix, problems);
    const auto check = [&](const Setting<std::string>& setting, bool bare, bool secure) {
        if (!setting.given() || (setting.get().empty() && setting.description().defaultValue.empty())) return;
        const std::string wrong = wrongUrl(setting.get(), bare, secure);
        if (!wrong.empty()) problems.push_back({setting.origin(), prefix + setting.description().key, wrong});
    };
    check(tokenEndpoint, false, true);
    check(metadataEndpoint, true, false);
    check(stsEndpoint, false, true);
    check(apiEndpoint, true, true);
    const std::string& file = serviceAccountKeyFile.get();
    if (!file.empty() && file.front() != '/')
        problems.push_back(
            {serviceAccountKeyFile.origin(), prefix + "service-account-key-file", "expected an absolute path"});
    if (!file.empty() && !ownIdentity.get())
        problems.push_back({ownIdentity.origin(), prefix + "own-identity",
                            "is false while service-account-key-file is set: remove one of them"});
}

} // namespace wasmproxy::gcr
