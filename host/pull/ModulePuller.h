// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "keychain/CredentialMemory.h"
#include "keychain/Keychain.h"
#include "pull/ContentPuller.h"
#include "pull/ModuleIntake.h"
#include "pull/PullTarget.h"
#include "pull/PulledModule.h"

#include <memory>
#include <optional>
#include <string>

namespace wasmproxy::host {

/// One attempt at the whole chain, in one direction: credential, resolve, manifest, layer, module, index. Blocks;
/// called on workers. Thread-safe.
class ModulePuller {
public:
    ModulePuller(CacheTiers& cache, DigestIndex& index, Keychain& keychain, CredentialMemory& memory, PullLimits limits)
        : _cache(cache),
          _index(index),
          _keychain(keychain),
          _memory(memory),
          _content(cache, index, keychain, memory),
          _intake(cache, index, limits) {}

    /// nullopt: absent, said by a registry that accepted the credential. Throws Error: CredentialRefused or
    /// RepositoryDenied where every credential was refused (or has been, lately: then nothing was sent), else whatever
    /// went wrong on the way.
    std::optional<PulledModule> pull(Call& call, const PullTarget& target);

    /// Brings contents of an artifact into the cache that serving its module did not need; `target` is pinned to it.
    /// Throws Error.
    void complete(Call& call, const PullTarget& target, const std::vector<Descriptor>& contents);

    /// Why a module that is known may not be served for this target; see ModuleIntake.
    std::optional<Error> refusal(const ModuleRecord& record, const PullTarget& target) const {
        return _intake.refusal(record, target);
    }

    const CredentialMemory& memory() const noexcept { return _memory; }

    /// Is there a credential for the target that has not been refused lately? Asks only the credential sources.
    bool hasUntriedCredential(Call& call, const PullTarget& target);

    /// The credentials that pull() would try, in that order: those of the sources (only of the named Secret, where one
    /// is), the one that last worked first, then anonymous where the route says so or no source had one.
    std::vector<Credential> credentials(Call& call, const PullTarget& target);

private:
    struct Resolved {
        Descriptor descriptor;
        Credential credential;
    };
    std::optional<Resolved> resolve(Call& call, const PullTarget& target);
    std::string manifestBytes(Call& call, const Origin& origin, const Descriptor& descriptor);
    ModuleRecord extract(Call& call, const PullTarget& target, const Origin& origin, const Descriptor& top);

    CacheTiers& _cache;
    DigestIndex& _index;
    Keychain& _keychain;
    CredentialMemory& _memory;
    ContentPuller _content;
    ModuleIntake _intake;
};

} // namespace wasmproxy::host
