// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "keychain/CredentialMemory.h"
#include "keychain/Keychain.h"
#include "pull/CacheTiers.h"
#include "routing/RouteTable.h"
#include "wasmproxy/plugin/Credential.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace wasmproxy::host {

/// Where content comes from: a repository through its route's backend, with the credential that was accepted for it.
struct Origin {
    const Route& route;
    Repository repository;
    Credential credential;
    std::string secret = {}; ///< the only Secret whose credentials may be used; empty: any
};

/// Brings one content into the cache, verified: counted, hashed, and committed only if size and digest are right.
/// Thread-safe.
///
/// Content that is cached but was never linked to the asking repository is fetched again: else a manifest that merely
/// names a private blob's digest would hand that blob to whoever can push the manifest.
class ContentPuller {
public:
    ContentPuller(CacheTiers& cache, DigestIndex& index, Keychain& keychain, CredentialMemory& memory)
        : _cache(cache), _index(index), _keychain(keychain), _memory(memory) {}

    /// The content, from the cache or upstream; at most `limit` bytes. Concurrent calls for one content of one
    /// repository make one fetch: the others wait on this thread for the leader's, which is running on another.
    /// Throws Error{UpstreamInvalid} for wrong size or digest or an unknown blob, and what backend and store throw.
    std::unique_ptr<Blob> open(Call& call, const Origin& origin, const Descriptor& descriptor, std::uint64_t limit);
    /// The same as a string, for manifests.
    std::string bytes(Call& call, const Origin& origin, const Descriptor& descriptor, std::uint64_t limit);
    /// Commits bytes that are already here (a manifest that came with its resolution) under their verified digest.
    void put(Call& call, const Repository& repository, const Digest& digest, const std::string& bytes);

private:
    void keep(Call& call, const Repository& repository, const Digest& digest, std::uint64_t size);
    void fetch(Call& call, const Origin& origin, const Descriptor& descriptor, std::uint64_t limit);
    bool mirrorIsDown(const std::string& name);
    /// Commits the content; nullopt: no mirror has it.
    std::optional<std::uint64_t> fetchFromMirror(Call& call, const Origin& origin, const Descriptor& descriptor,
                                                 std::uint64_t limit);
    /// The body, from `offset` on. What it says of the credential is remembered.
    std::unique_ptr<BodyReader> begin(Call& call, RegistryBackend& backend, const Repository& repository,
                                      const Credential& credential, const Descriptor& descriptor, std::uint64_t offset);
    /// Commits the content and returns its size.
    std::uint64_t fetchFrom(Call& call, RegistryBackend& backend, const Repository& repository,
                            const Credential& credential, const Descriptor& descriptor, std::uint64_t limit);

    CacheTiers& _cache;
    DigestIndex& _index;
    Keychain& _keychain;
    CredentialMemory& _memory;
    std::mutex _mutex;
    std::condition_variable _ended;
    std::set<std::string> _inProgress; // repository and digest; bounded by the number of workers
    std::map<std::string, Call::Clock::time_point> _mirrorsDown; // by name: left alone until then
};

} // namespace wasmproxy::host
