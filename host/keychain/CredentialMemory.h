// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/Repository.h"
#include "wasmproxy/plugin/Credential.h"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy::host {

/// What became of a credential lately, so that a wrong password is not tried at every request (registries lock
/// accounts) and the one that works is tried first. A changed secret has another fingerprint and so no memory. Bounded;
/// thread-safe.
class CredentialMemory {
public:
    using Clock = std::chrono::steady_clock;

    explicit CredentialMemory(std::chrono::milliseconds refusedFor = std::chrono::seconds(30))
        : _refusedFor(refusedFor) {}

    /// `error` is CredentialRefused (remembered for the registry) or RepositoryDenied (for the repository only).
    void refused(const Repository& repository, const Credential& credential, const Error& error);
    void accepted(const Repository& repository, const Credential& credential);

    /// The refusal still in force for this credential at this repository.
    std::optional<Error> refusal(const Repository& repository, const Credential& credential) const;
    bool lastWorked(const Repository& repository, const Credential& credential) const;

private:
    struct Refusal {
        Error error;
        Clock::time_point until;
    };
    static std::string registryKey(const Repository& repository, const Credential& credential);
    static std::string repositoryKey(const Repository& repository, const Credential& credential);
    static constexpr std::size_t MaxEntries = 10000;

    const std::chrono::milliseconds _refusedFor;
    mutable std::mutex _mutex;
    std::map<std::string, Refusal> _refusals;
    std::map<std::string, std::string> _worked; // repository -> fingerprint
};

} // namespace wasmproxy::host
