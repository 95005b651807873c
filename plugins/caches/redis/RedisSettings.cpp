// SPDX-License-Identifier: Apache-2.0
#include "RedisSettings.h"

#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::redis {

namespace {

bool isOdd(char c) {
    return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f;
}

} // namespace

RedisUrl RedisSettings::address() const {
    std::string problem;
    const auto parsed = RedisUrl::parse(url, problem);
    if (!parsed) throw Error(ErrorCode::SettingsInvalid, "url: " + problem);
    return *parsed;
}

void RedisSettings::validate(const std::string& keyPrefix, std::vector<SettingsProblem>& problems) const {
    const auto report = [&](const SettingBase& setting, const std::string& message) {
        problems.push_back({setting.origin(), keyPrefix + setting.description().key, message});
    };
    std::string problem;
    const auto parsed = RedisUrl::parse(url, problem);
    if (url.given() && !parsed) report(url, problem);
    for (const auto* file : {&passwordFile, &caFile, &clientCertificate, &clientKey})
        if (file->given() && (file->get().empty() || file->get().front() != '/'))
            report(*file, "expected an absolute path");
    if (parsed && !parsed->tls)
        for (const auto* file : {&caFile, &clientCertificate, &clientKey})
            if (file->given()) report(*file, "belongs to TLS: write rediss:// in `url`, or leave it out");
    if (clientCertificate.given() != clientKey.given())
        report(clientCertificate.given() ? clientCertificate : clientKey,
               "`client-certificate` and `client-key` go together");
    if (username.given() && !passwordFile.given()) report(username, "needs `password-file`");
    if (std::any_of(username->begin(), username->end(), isOdd))
        report(username, "expected a name without spaces and control characters");
    if (prefix->size() > 100 || std::any_of(prefix->begin(), prefix->end(), isOdd))
        report(prefix, "expected at most 100 printable characters without spaces, such as wasm-proxy:");
    if (prefix->empty()) report(prefix, "expected something that other users of this Redis do not begin keys with");
    if (ttl.get() < std::chrono::minutes(1) || ttl.get() > std::chrono::hours(365 * 24))
        report(ttl, "expected 1m to 365d");
    if (connections.get() < 1 || connections.get() > 64) report(connections, "expected 1 to 64");
    for (const auto* time : {&connectTimeout, &commandTimeout})
        if (time->get() < std::chrono::milliseconds(10) || time->get() > std::chrono::seconds(60))
            report(*time, "expected 10ms to 60s");
}

} // namespace wasmproxy::redis
