// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CredentialSource.h"

#include <shared_mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// The configured credential sources in order. Absence falls through to the next source; an error stops, since a later
/// source might hold the wrong credential, and its Error names the source. Thread-safe.
class Keychain {
public:
    struct Source {
        std::string name;
        CredentialSource* source; ///< owned by Host, outlives the keychain
    };

    explicit Keychain(std::vector<Source> sources) : _sources(std::move(sources)) {}

    /// One more, for routes that name it.
    void add(Source source);

    /// Every credential that the named sources have for the repository, best first, without duplicates.
    /// With `secretName` only those of that Secret; throws Error{CredentialSourceFault} where no source knows it.
    std::vector<Credential> find(Call& call, const Repository& repository, const std::vector<std::string>& sources,
                                 const std::string& secretName = {}) const;

private:
    CredentialSource* source(const std::string& name) const;

    mutable std::shared_mutex _mutex;
    std::vector<Source> _sources;
};

} // namespace wasmproxy::host
