// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CredentialSource.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The configured credential sources in order. Absence falls through to the next source; an error stops, since a later
/// source might hold the wrong credential. It is thrown, with the source's name, unless an earlier source had
/// something: then it is logged. Thread-safe.
class Keychain {
public:
    struct Source {
        std::string name;
        CredentialSource* source; ///< owned by Host, outlives the keychain
    };

    explicit Keychain(std::vector<Source> sources) : _sources(std::move(sources)) {}

    /// One more, for routes that name it.
    void add(Source source);
    void remove(const std::string& name); ///< once nobody asks it any more

    /// Every credential that the named sources have for the repository, best first, without duplicates.
    /// With `secretName` only those of that Secret, of the first source that has it. Throws Error where none has.
    std::vector<Credential> find(Call& call, const Repository& repository, const std::vector<std::string>& sources,
                                 const std::string& secretName = {}) const;

    /// How one source fared since the start.
    struct Use {
        std::uint64_t asked = 0;
        std::uint64_t failed = 0;
        std::chrono::system_clock::time_point lastSuccess; ///< it answered, if only that it has none; 0: never
        std::chrono::system_clock::time_point lastFailure; ///< 0: never
        std::string lastError;
    };
    std::map<std::string, Use> uses() const; ///< by the source's name; every source has one

private:
    CredentialSource* source(const std::string& name) const;
    void answered(const std::string& name) const;
    void failed(const std::string& name, const Error& error) const;
    void passedOver(const Call& call, const std::string& name, const Error& error) const;

    mutable std::shared_mutex _mutex;
    std::vector<Source> _sources;
    mutable std::mutex _usesMutex;
    mutable std::map<std::string, Use> _uses;                     // of those that were asked
    mutable std::map<std::string, Call::Clock::time_point> _said; // when a failure was last logged
};

} // namespace wasmproxy::host
