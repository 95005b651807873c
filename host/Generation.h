// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Components.h"
#include "Configuration.h"
#include "pull/PullSetup.h"

#include <cstdint>
#include <memory>

namespace wasmproxy::host {

PullLimits limitsOf(const PullSettings& settings);

/// One configuration in force, with all that is made anew when the settings change. Those that pull hold it through
/// its setup(); it ends with the last of them. Immutable but for what its parts do themselves; thread-safe.
class Generation {
public:
    /// What outlives every configuration.
    struct Shared {
        Metrics& metrics;
        CacheTiers& cache;
        DigestIndex& index;
        CredentialMemory& memory;
        ExtensionCatalog& extensions;
    };

    /// `configuration` was read without a problem; `previous` may be null. Throws Error naming what could not be made.
    Generation(std::uint64_t number, std::shared_ptr<const Configuration> configuration, const Shared& shared,
               const Generation* previous);

    const Configuration& configuration() const noexcept { return *_configuration; }
    const Components& components() const noexcept { return _components; }
    const RouteTable& routes() const noexcept { return _routes; }
    const Keychain& keychain() const noexcept { return _keychain; }
    PullLimits limits() const;
    std::uint64_t number() const noexcept { return _setup.generation; }
    static std::shared_ptr<PullSetup> setup(const std::shared_ptr<Generation>& generation) {
        return {generation, &generation->_setup};
    }

private:
    const std::shared_ptr<const Configuration> _configuration;
    Components _components;
    RouteTable _routes;
    Keychain _keychain;
    PullSetup _setup;
};

} // namespace wasmproxy::host
