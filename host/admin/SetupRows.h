// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "keychain/Keychain.h"
#include "pull/CacheTiers.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::host {

// What the configuration in force made, as rows for the admin endpoints: plain values, so that none of them keeps a
// configuration alive. No value of a secret is in them, and what a setting should not have had is redacted.

struct SettingRow {
    std::string key;
    std::string value;
    std::string origin; ///< "wasm-proxy.ini:12"; empty: the default
};

/// One configured component of a plugin.
struct InstanceRow {
    std::string name;      ///< "credential.team"; "backend.ecr#2" where routes split one section
    std::string kind;      ///< "cache", "credential", "backend"
    std::string component; ///< the plugin's name in settings: "file"
    std::string plugin;    ///< id of the library
    std::string version;
    std::vector<SettingRow> settings;
    std::uint64_t calls = 0; ///< into it, since the start
    std::uint64_t failures = 0;
};

struct RouteRow {
    std::string name;
    std::string match;
    std::string backend;
    std::vector<std::string> credentials; ///< names of the sources
    bool anonymous = false;
    bool alwaysAsk = false;
    std::chrono::milliseconds tagTtl{0};
    std::chrono::milliseconds staleIfError{0};
    std::vector<std::pair<std::string, std::string>> mirrors; ///< name and host
};

struct SectionRow {
    std::string name; ///< "pull", "route.private"
    std::vector<SettingRow> settings;
};

struct TierRow {
    CacheTiers::Use use;
    std::uint64_t capacity = 0; ///< bytes; of a shared one it means nothing
};

struct SetupRows {
    std::uint64_t generation = 1;
    std::vector<InstanceRow> instances; ///< by name
    std::vector<RouteRow> routes;       ///< in the order they are asked
    std::map<std::string, Keychain::Use> sources;
    std::vector<SectionRow> sections;       ///< what is in force
    std::vector<std::string> restartNeeded; ///< keys that were changed since the start and count only after a restart
    std::vector<TierRow> tiers;             ///< fastest first
};

/// `value` without what nobody should see: a password in a URL, or all of it where the key says that it is a secret.
/// Settings are no place for secrets, but a plugin of somebody else's may have one. Pure.
std::string redacted(const std::string& key, const std::string& value);

} // namespace wasmproxy::host
