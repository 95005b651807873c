// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/distribution/DistributionSettings.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

namespace wasmproxy {

namespace {

bool isHostAndPort(const std::string& text) {
    try {
        const HttpUrl url = HttpUrl::parse("https://" + text, "host");
        return url.target() == "/" && text.find_first_of("/?#") == std::string::npos;
    } catch (const Error&) {
        return false;
    }
}

std::string wrongEndpoint(const std::string& text, bool plainHttp) {
    if (text.find("://") == std::string::npos)
        return isHostAndPort(text) ? "" : "expected host, host:port or an http(s) URL without user name";
    try {
        const HttpUrl url = HttpUrl::parse(text, "URL");
        if (url.target() != "/" || text.find_first_of("?#") != std::string::npos)
            return "expected a URL without a path: the registry's API is always below /v2/";
        if (plainHttp && url.secure()) return "is an https URL while plain-http is true: remove one of them";
        return "";
    } catch (const Error& error) {
        return error.what(); // never shows the URL, which may hold a password
    }
}

} // namespace

void DistributionSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    if (!endpoint.get().empty()) {
        const std::string wrong = wrongEndpoint(endpoint.get(), plainHttp.get());
        if (!wrong.empty()) problems.push_back({endpoint.origin(), prefix + "endpoint", wrong});
    }
    for (const auto& host : tokenRealms.get())
        if (!isHostAndPort(host))
            problems.push_back({tokenRealms.origin(), prefix + "token-realms",
                                "expected hosts (host or host:port) separated by commas, got '" + host + "'"});
}

} // namespace wasmproxy
