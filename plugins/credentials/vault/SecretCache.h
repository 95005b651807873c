// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HostServices.h"

#include "KnownSecret.h"
#include "VaultFault.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

namespace wasmproxy::vault {

/// What was read of each path, and when to read again. Those who ask for one path at once share one reading. While
/// Vault cannot be asked, what was read last stays in force, Vault is tried once per `retry`, and the log says so once.
/// Thread-safe.
class SecretCache {
public:
    static constexpr std::size_t MaximumPaths = 1000;

    struct Reading {
        KnownSecret secret;
        std::chrono::seconds lease{0}; ///< zero: not leased
    };
    /// Throws VaultFault, or another Error that concerns the path only.
    using Read = std::function<Reading(Call&, const std::string& path)>;

    /// `host` and `settings` outlive it.
    SecretCache(HostServices& host, const VaultSettings& settings, Read read);

    /// Never nullptr. Throws Error{CredentialSourceFault, DeadlineExceeded, Busy}.
    std::shared_ptr<const KnownSecret> get(Call& call, const std::string& path);

private:
    using Clock = Call::Clock;
    using Known = std::shared_ptr<const KnownSecret>;

    struct Entry {
        bool reading = false;
        std::uint64_t readings = 0; ///< that ended with an answer or a failure of Vault's
        Known known;                ///< nullptr: nothing is in force
        Clock::time_point freshUntil;
        Clock::time_point keepUntil;
        std::optional<Error> failure; ///< of this path, since the last answer
        Clock::time_point pausedUntil;
        std::size_t users = 0;
        std::uint64_t lastUse = 0;
    };
    struct Lines {
        std::vector<std::pair<LogLevel, std::string>> lines;
    };

    Entry& enter(const std::string& path);
    Known inForce(Entry& entry, Clock::time_point now) const;
    void lead(Call& call, const std::string& path, Entry& entry, std::unique_lock<std::mutex>& lock);
    void learned(const std::string& path, Entry& entry, Reading reading, Clock::time_point begun, Lines& lines);
    void failed(Entry& entry, const Error& error, std::optional<VaultFault::Reach> reach, Lines& lines);

    HostServices& _host;
    const VaultSettings& _settings;
    const Read _read;

    std::mutex _mutex;
    std::condition_variable _changed;
    std::map<std::string, Entry> _entries;
    std::uint64_t _uses = 0;
    std::mt19937 _random{std::random_device{}()};
    std::optional<Error> _failure; ///< of Vault as a whole, since it last answered
    VaultFault::Reach _reach = VaultFault::Reach::Server;
    std::string _said; ///< of that failure
    Clock::time_point _saidAt;
    Clock::time_point _pausedUntil;
};

} // namespace wasmproxy::vault
