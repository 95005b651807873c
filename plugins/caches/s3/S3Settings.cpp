// SPDX-License-Identifier: Apache-2.0
#include "S3Settings.h"

#include "wasmproxy/aws/Region.h"

#include <algorithm>

namespace wasmproxy::s3 {
namespace {

constexpr std::uint64_t LargestObject = std::uint64_t(5) << 30; ///< of one PUT

bool isLowerOrDigit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool isBucket(const std::string& name) {
    return name.size() >= 3 && name.size() <= 63 && isLowerOrDigit(name.front()) && isLowerOrDigit(name.back()) &&
           name.find("..") == std::string::npos &&
           std::all_of(name.begin(), name.end(), [](char c) { return isLowerOrDigit(c) || c == '-' || c == '.'; });
}

/// Only what needs no escaping anywhere, in parts that no server takes for a path's own.
bool isPrefix(const std::string& text) {
    if (text.empty()) return true;
    if (text.size() > 512 || text.front() == '/' || text.back() != '/') return false;
    const std::string all = "/" + text;
    for (const char* bad : {"//", "/./", "/../"})
        if (all.find(bad) != std::string::npos) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return isLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '/';
    });
}

} // namespace

void S3Settings::validate(const std::string& at, std::vector<SettingsProblem>& problems) const {
    const auto report = [&](const SettingBase& setting, const std::string& message) {
        problems.push_back({setting.origin(), at + setting.description().key, message});
    };
    if (bucket.given() && !isBucket(bucket))
        report(bucket, "expected 3 to 63 lower-case letters, digits, '-' and '.', as buckets are named");
    if (!isPrefix(prefix))
        report(prefix, "expected letters, digits, '-', '.', '_' and '/' such as wasm-proxy/, with '/' at its end");
    if (!region.get().empty() && !aws::isRegion(region.get())) report(region, "expected a region such as eu-west-1");
    for (const auto* each : {&endpoint, &stsEndpoint, &metadataEndpoint})
        if (!each->get().empty() && !aws::isEndpoint(*each))
            report(*each, "expected host, host:port or an http(s) URL without user name and path");
    if (const auto& how = addressing.get(); how != "auto" && how != "path" && how != "virtual")
        report(addressing, "expected auto, path or virtual");
    for (const auto* each : {&caFile, &secretAccessKeyFile, &accessKeyFile, &spoolDirectory})
        if (!each->get().empty() && each->get().front() != '/') report(*each, "expected an absolute path");
    if (accessKeyId.get().empty() != secretAccessKeyFile.get().empty())
        report(accessKeyId.get().empty() ? secretAccessKeyFile : accessKeyId,
               "access-key-id and secret-access-key-file go together: give both or none");
    const auto isSign = [](char c) { return c > 0x20 && c < 0x7f && c != '/' && c != ',' && c != '='; };
    if (!std::all_of(accessKeyId.get().begin(), accessKeyId.get().end(), isSign))
        report(accessKeyId, "expected an access key's id such as AKIAIOSFODNN7EXAMPLE");
    if (!accessKeyId.get().empty() && (accessKeyFile.given() || profile.given()))
        report(accessKeyId, "access-key-file or profile is given, too: remove one of them");
    if (maxSize.get() == 0 || maxSize.get() > LargestObject) report(maxSize, "expected 1 byte to 5GiB");
    if (timeout.get() < std::chrono::milliseconds(100)) report(timeout, "expected at least 100ms");
}

} // namespace wasmproxy::s3
