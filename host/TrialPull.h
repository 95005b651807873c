// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Components.h"
#include "TemporaryStore.h"
#include "pull/HttpSource.h"
#include "pull/ModulePuller.h"

#include <optional>
#include <string>

namespace wasmproxy::host {

/// A pull as a proxy with this configuration makes it, into a store and an index of its own, which are gone with it.
class TrialPull {
public:
    /// All outlive it. What `memory` knows of credentials counts. Throws Error{StorageFault}.
    TrialPull(const Configuration& configuration, Components& components, Keychain& keychain, CredentialMemory& memory);

    /// As ModulePuller::pull() and HttpSource::pull().
    std::optional<PulledModule> pull(Call& call, const PullTarget& target);

private:
    struct Folder {
        explicit Folder(const std::string& index);
        ~Folder();
        Folder(const Folder&) = delete;
        Folder& operator=(const Folder&) = delete;
        std::string path;
    };

    const Folder _folder;
    TemporaryStore _store;
    DigestIndex _index;
    CacheTiers _cache;
    ModulePuller _registry;
    HttpSource _http;
};

} // namespace wasmproxy::host
