// SPDX-License-Identifier: Apache-2.0
#include "EcrHost.h"

#include "wasmproxy/aws/Region.h"

#include <algorithm>

namespace wasmproxy::ecr {
namespace {

constexpr const char* DualStack = "on.aws";
constexpr const char* DualStackChina = "on.amazonwebservices.com.cn";
constexpr std::string_view Suffixes[] = {"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu",
                                         DualStack,       DualStackChina,     "sc2s.sgov.gov",
                                         "c2s.ic.gov",    "cloud.adc-e.uk",   "csp.hci.ic.gov"};

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

bool take(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    text.remove_prefix(prefix.size());
    return true;
}

} // namespace

std::optional<EcrHost> EcrHost::parse(std::string_view host) {
    EcrHost result;
    if (host == "public.ecr.aws" || host == "ecr-public.aws.com") {
        result.isPublic = true;
        result.region = "us-east-1";
        result.suffix = "amazonaws.com";
        return result;
    }
    const auto account = host.substr(0, 12);
    if (account.size() != 12 || !std::all_of(account.begin(), account.end(), isDigit)) return {};
    result.account = account;
    host.remove_prefix(12);
    if (!take(host, ".dkr.ecr") && !take(host, ".dkr-ecr")) return {};
    result.fips = take(host, "-fips");
    if (!take(host, ".")) return {};
    const auto dot = host.find('.');
    if (dot == std::string_view::npos || !aws::isRegion(host.substr(0, dot))) return {};
    result.region = host.substr(0, dot);
    result.suffix = host.substr(dot + 1);
    if (std::find(std::begin(Suffixes), std::end(Suffixes), result.suffix) == std::end(Suffixes)) return {};
    return result;
}

EcrHost EcrHost::inRegion(const std::string& region) {
    EcrHost result;
    result.region = region;
    result.suffix = aws::domainOf(region);
    return result;
}

std::string EcrHost::apiHost() const {
    if (isPublic) return "api.ecr-public." + region + "." + suffix;
    const std::string domain = suffix == DualStack        ? "api.aws"
                               : suffix == DualStackChina ? "api.amazonwebservices.com.cn"
                                                          : suffix;
    return (fips ? "ecr-fips." : "api.ecr.") + region + "." + domain;
}

std::string EcrHost::stsHost() const {
    const std::string domain = suffix == DualStack        ? "amazonaws.com"
                               : suffix == DualStackChina ? "amazonaws.com.cn"
                                                          : suffix;
    return (fips ? "sts-fips." : "sts.") + region + "." + domain;
}

} // namespace wasmproxy::ecr
