// SPDX-License-Identifier: Apache-2.0
#include "settings/HostSettings.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/Reference.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

using Problems = std::vector<SettingsProblem>;

void atLeastOne(const Setting<std::uint64_t>& setting, const std::string& prefix, Problems& problems) {
    if (setting.get() == 0)
        problems.push_back({setting.origin(), prefix + setting.description().key, "must be at least 1"});
}

void positive(const Setting<Bytes>& setting, const std::string& prefix, Problems& problems) {
    if (setting.get() == 0)
        problems.push_back({setting.origin(), prefix + setting.description().key, "must be more than 0B"});
}

void positive(const Setting<std::chrono::milliseconds>& setting, const std::string& prefix, Problems& problems) {
    if (setting.get().count() == 0) {
        problems.push_back({setting.origin(), prefix + setting.description().key, "must be more than 0s"});
    }
}

void oneOf(const Setting<std::string>& setting, const std::vector<std::string>& allowed, const std::string& prefix,
           Problems& problems) {
    if (std::find(allowed.begin(), allowed.end(), setting.get()) != allowed.end()) return;
    std::string list;
    for (const std::string& word : allowed)
        list += (list.empty() ? "" : ", ") + word;
    problems.push_back({setting.origin(), prefix + setting.description().key, "expected one of: " + list});
}

void absolute(const Setting<std::string>& setting, const std::string& prefix, Problems& problems) {
    if (!setting->empty() && setting->front() != '/')
        problems.push_back({setting.origin(), prefix + setting.description().key, "must be an absolute path"});
}

void each(const Setting<std::vector<std::string>>& setting, bool (*good)(const std::string&), const char* expected,
          const std::string& prefix, Problems& problems) {
    for (const std::string& value : setting.get()) {
        if (good(value)) continue;
        problems.push_back({setting.origin(), prefix + setting.description().key, "'" + value + "' " + expected});
        return;
    }
}

bool isHost(const std::string& text) {
    return !text.empty() && text.find_first_of("/*@ ") == std::string::npos;
}

bool isOrigin(const std::string& text) {
    for (const std::string scheme : {"https://", "http://"})
        if (text.compare(0, scheme.size(), scheme) == 0) return isHost(text.substr(scheme.size()));
    return false;
}

} // namespace

void AdminSettings::validate(const std::string& prefix, Problems& problems) const {
    for (const auto* path : {&readTokenFile, &operateTokenFile, &tlsCertificate, &tlsKey, &clientCa})
        absolute(*path, prefix, problems);
    each(hosts, isHost, "is not a host name, with or without a port; there are no wildcards", prefix, problems);
    each(origins, isOrigin, "is not an origin such as https://console.example; there are no wildcards", prefix,
         problems);
}

void DataplaneSettings::validate(const std::string& prefix, Problems& problems) const {
    atLeastOne(connections, prefix, problems);
    positive(headerTimeout, prefix, problems);
    positive(idleTimeout, prefix, problems);
}

void PullSettings::validate(const std::string& prefix, Problems& problems) const {
    oneOf(requireProxyWasm, {"yes", "warn", "no"}, prefix, problems);
    if (hold.get() >= agentTimeout.get()) {
        problems.push_back({hold.given() ? hold.origin() : agentTimeout.origin(), prefix + "hold",
                            "must be less than agent-timeout (" + printSetting(agentTimeout.get()) +
                                "), or every answer after a wait comes too late"});
    }
    positive(agentRate, prefix, problems);
    positive(maxModule, prefix, problems);
    positive(maxManifest, prefix, problems);
    positive(maxLayer, prefix, problems);
    positive(deadline, prefix, problems);
    atLeastOne(workers, prefix, problems);
    atLeastOne(workersPerRegistry, prefix, problems);
    atLeastOne(waiting, prefix, problems);
    if (workersPerRegistry.given() && workersPerRegistry.get() > workers.get()) {
        problems.push_back({workersPerRegistry.origin(), prefix + "workers-per-registry",
                            "must not be more than workers (" + std::to_string(workers.get()) + ")"});
    }
}

void LogSettings::validate(const std::string& prefix, Problems& problems) const {
    oneOf(level, {"error", "warning", "information", "debug"}, prefix, problems);
    oneOf(format, {"text", "json"}, prefix, problems);
}

void BackendSettings::validate(const std::string& prefix, Problems& problems) const {
    positive(connectTimeout, prefix, problems);
    if (clientCertificate.get().empty() == clientKey.get().empty()) return;
    const bool missingKey = clientKey.get().empty();
    problems.push_back({missingKey ? clientCertificate.origin() : clientKey.origin(),
                        prefix + (missingKey ? "client-key" : "client-certificate"),
                        "client-certificate and client-key must be given together"});
}

void PrefetchSettings::validate(const std::string& prefix, Problems& problems) const {
    constexpr std::size_t Most = 1000;
    if (references->size() > Most)
        problems.push_back({references.origin(), prefix + "references", "more than " + std::to_string(Most)});
    for (const auto& text : references.get()) {
        try {
            Reference::parse(text.compare(0, 6, "oci://") == 0 ? text.substr(6) : text);
        } catch (const Error& error) {
            problems.push_back({references.origin(), prefix + "references",
                                error.what() + (error.hint().empty() ? "" : "; " + error.hint())});
        }
    }
}

void RouteSettings::validate(const std::string& prefix, Problems& problems) const {
    oneOf(pullPolicy, {"if-not-present", "always"}, prefix, problems);
}

void CacheSettings::validate(const std::string& prefix, Problems& problems) const {
    positive(capacity, prefix, problems);
    positive(scrubRate, prefix, problems);
}

} // namespace wasmproxy::host
