// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "keychain/CredentialMemory.h"
#include "keychain/Keychain.h"
#include "pull/ContentPuller.h"
#include "wasm/ModuleFinder.h"

#include <memory>
#include <optional>
#include <string>

namespace wasmproxy::host {

enum class RequireProxyWasm { Yes, Warn, No };

struct PullLimits {
    std::uint64_t manifestBytes = 4u << 20;
    std::uint64_t layerBytes = 512u << 20;
    ModuleLimits module;
    RequireProxyWasm requireProxyWasm = RequireProxyWasm::Warn;
};

/// A module that is in the cache, indexed and linked, with what it took.
struct PulledModule {
    ModuleRecord record;
    std::shared_ptr<Blob> content; ///< verified, with a descriptor
    bool fetched = false;          ///< false: the registry confirmed what was cached
    std::string credential;        ///< the name of the one that was accepted
};

/// One attempt at the whole chain, in one direction: credential, resolve, manifest, layer, module, index. Blocks;
/// called on workers. Thread-safe.
class ModulePuller {
public:
    ModulePuller(CacheTiers& cache, DigestIndex& index, Keychain& keychain, CredentialMemory& memory, PullLimits limits)
        : _cache(cache),
          _index(index),
          _keychain(keychain),
          _memory(memory),
          _content(cache, index, keychain),
          _limits(limits) {}

    /// nullopt: absent, said by a registry that accepted the credential. Throws Error: CredentialRefused or
    /// RepositoryDenied where every credential was refused (or has been, lately: then nothing was sent), else whatever
    /// went wrong on the way.
    std::optional<PulledModule> pull(Call& call, const Route& route, const Reference& reference);

    /// Why a module that is known may not be served: the settings may be stricter than when it was pulled.
    std::optional<Error> refusal(const ModuleRecord& record) const;

    /// Is there a credential for the repository that has not been refused lately? Asks only the credential sources.
    bool hasUntriedCredential(Call& call, const Route& route, const Repository& repository);

    /// The credentials that pull() would try, in that order: those of the sources, the one that last worked first, then
    /// anonymous where the route says so or no source had one.
    std::vector<Credential> credentials(Call& call, const Route& route, const Repository& repository);

private:
    struct Resolved {
        Descriptor descriptor;
        Credential credential;
    };
    std::optional<Resolved> resolve(Call& call, const Route& route, const Reference& reference);
    std::string manifestBytes(Call& call, const Origin& origin, const Descriptor& descriptor);
    ModuleRecord extract(Call& call, const Origin& origin, const Descriptor& top);

    CacheTiers& _cache;
    DigestIndex& _index;
    Keychain& _keychain;
    CredentialMemory& _memory;
    ContentPuller _content;
    const PullLimits _limits;
};

} // namespace wasmproxy::host
