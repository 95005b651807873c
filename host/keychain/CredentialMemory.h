// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Credential.h"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace wasmproxy::host {

/// What became of a credential lately, so that a wrong password is not tried at every request (registries lock
/// accounts) and the one that works is tried first. Bounded; thread-safe.
///
/// A rejected credential is left alone at its registry, longer after each further try, until its time is over or it
/// changes; one that is denied a repository is left alone there only. What is rejected never makes room for what is
/// denied, so that asking for many repositories does not free a wrong password.
class CredentialMemory {
public:
    using Clock = std::chrono::steady_clock;

    /// The first wait, to which up to a fifth is added; each further one is twice as long, up to `longest`. Denials
    /// last `refusedFor`, too.
    explicit CredentialMemory(std::chrono::milliseconds refusedFor = std::chrono::seconds(30),
                              std::chrono::milliseconds longest = std::chrono::minutes(10))
        : _refusedFor(refusedFor), _longest(longest) {}

    /// `error` is CredentialRefused (remembered for the registry) or RepositoryDenied (for the repository only).
    /// Returns it with what follows from it: when the next try is.
    Error refused(const Repository& repository, const Credential& credential, const Error& error);
    /// The repository was open to it. Ends no rejection: perhaps the repository is open to all.
    void accepted(const Repository& repository, const Credential& credential);
    /// What the credential sources answer now for a repository of that registry: where a name stands for another secret
    /// than the rejected one, that rejection ends. So the old secret is tried at once when it comes back.
    void inForce(const Repository& repository, const std::vector<Credential>& credentials);

    /// The refusal still in force for this credential at this repository.
    std::optional<Error> refusal(const Repository& repository, const Credential& credential) const;
    bool lastWorked(const Repository& repository, const Credential& credential) const;

    /// A refusal that is in force, for operators: by names alone.
    struct Refusal {
        std::string credential; ///< its name
        std::string where;      ///< registry or repository
        std::string message;
        std::chrono::system_clock::time_point nextTry;
    };
    std::vector<Refusal> refusals() const;
    std::vector<Refusal> refusals(const Repository& repository) const; ///< there, and at its registry
    /// The name of the credential that last worked there; empty: none has.
    std::string worked(const Repository& repository) const;
    /// When each credential was last accepted anywhere, by name.
    std::map<std::string, std::chrono::system_clock::time_point> accepted() const;

private:
    using Key = std::pair<std::string, std::string>; // registry or repository, and fingerprint
    struct Rejection {
        std::string name; // the credential's
        Error error;
        std::chrono::milliseconds wait; // without what chance added
        Clock::time_point until;
    };
    struct Denial {
        std::string name;
        Error error;
        Clock::time_point until;
    };

    void reject(const Key& key, const Credential& credential, const Error& error);
    void deny(const Key& key, const Credential& credential, const Error& error);
    template <class Entries>
    static void list(const Entries& entries, const std::string& where, std::vector<Refusal>& refusals);
    static Error described(const Error& error, const std::string& where, const std::string& name,
                           Clock::time_point until);
    static constexpr std::size_t MaxEntries = 10000;

    const std::chrono::milliseconds _refusedFor;
    const std::chrono::milliseconds _longest;
    mutable std::mutex _mutex;
    std::minstd_rand _chance{std::random_device{}()};
    std::map<Key, Rejection> _rejected;
    std::map<Key, Denial> _denied;
    struct Worked {
        std::string fingerprint;
        std::string name;
    };
    std::map<std::string, Worked> _worked;                                  // by repository
    std::map<std::string, std::chrono::system_clock::time_point> _accepted; // by the credential's name
};

} // namespace wasmproxy::host
