// SPDX-License-Identifier: Apache-2.0
#include "S3Address.h"

#include "wasmproxy/aws/Region.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

namespace wasmproxy::s3 {
namespace {

std::string regionOf(const S3Settings& settings, const aws::Environment& environment) {
    if (!settings.region.get().empty()) return settings.region;
    for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
        const auto region = environment(variable);
        if (region.empty()) continue;
        if (!aws::isRegion(region))
            throw Error(ErrorCode::SettingsInvalid, std::string(variable) + " in the environment is no region");
        return region;
    }
    if (!settings.endpoint.get().empty()) return "us-east-1";
    throw Error(ErrorCode::SettingsInvalid, "the region of bucket " + settings.bucket.get() + " is not known",
                "set `region`, or AWS_REGION in the environment");
}

} // namespace

S3Address::S3Address(const S3Settings& settings, const aws::Environment& environment)
    : _region(regionOf(settings, environment)),
      _bucket(settings.bucket),
      _prefix(settings.prefix),
      _aws(settings.endpoint.get().empty()) {
    const std::string origin =
        aws::originOf(_aws ? "s3." + _region + "." + aws::domainOf(_region) : settings.endpoint.get());
    const auto host = origin.find("://") + 3;
    // A certificate for *.s3.… is for one label more and no further.
    const bool automatic = _aws && _bucket.find('.') == std::string::npos;
    const auto& how = settings.addressing.get();
    const bool inHost = how == "virtual" || (how == "auto" && automatic);
    _base = inHost ? origin.substr(0, host) + _bucket + "." + origin.substr(host) : origin + "/" + _bucket;
    _host = (inHost ? _bucket + "." : "") + origin.substr(host);
}

std::string S3Address::listUrl(const std::string& key, const std::string& continuation) const {
    // In the order of their names, as the signature needs them.
    std::string query = continuation.empty() ? "" : "continuation-token=" + percentEncode(continuation) + "&";
    query += "list-type=2&max-keys=1000&prefix=" + percentEncode(_prefix + key);
    return _base + "/?" + query;
}

} // namespace wasmproxy::s3
