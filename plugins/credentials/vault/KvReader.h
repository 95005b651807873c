// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"

#include "VaultClient.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy::vault {

struct KvAnswer {
    enum class Outcome { Found, Absent, Refused };
    Outcome outcome = Outcome::Absent;
    std::optional<StrictJson> fields; ///< where it was found
    std::chrono::seconds lease{0};    ///< of a leased secret; zero: none
    std::string path;                 ///< that was asked for in the end
    std::string said;                 ///< Vault's words, where it was not found
};

/// Reads secrets of key-value engines of both versions, whether `path` has the API's `data/` in it or not. Thread-safe.
class KvReader {
public:
    KvReader(VaultClient& client, const VaultSettings& settings) : _client(client), _settings(settings) {}

    /// Throws VaultFault{Server} and Error.
    KvAnswer read(Call& call, const std::string& path, const Secret& token);

private:
    struct Mount {
        std::string path; ///< ends with '/'
        bool versioned = false;
    };

    std::optional<Mount> mountOf(Call& call, const std::string& path, const Secret& token);
    std::optional<Mount> known(const std::string& path) const;
    void forget(const Mount& mount);
    std::string apiPath(const std::string& path, const std::optional<Mount>& mount) const;
    KvAnswer understood(const VaultAnswer& answer, const std::string& path, const std::optional<Mount>& mount) const;

    VaultClient& _client;
    const VaultSettings& _settings;
    mutable std::mutex _mutex;
    std::map<std::string, bool> _mounts;    ///< path with '/', is it version 2?
    Call::Clock::time_point _noLookupUntil; ///< Vault does not tell mounts
};

} // namespace wasmproxy::vault
