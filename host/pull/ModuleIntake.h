// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "pull/CacheTiers.h"
#include "pull/PullTarget.h"
#include "wasm/ModuleFinder.h"

#include <functional>
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

/// The last stage of every pull, whatever the module came out of: hashed, committed, looked into, judged. Thread-safe.
class ModuleIntake {
public:
    /// Writes the module to the sink and says where it found it.
    using Finder = std::function<FoundModule(const ModuleSink&)>;

    ModuleIntake(CacheTiers& cache, DigestIndex& index, PullLimits limits)
        : _cache(cache), _index(index), _limits(limits) {}

    /// All of the record but its manifests. Throws what refusal() says, and what finder, cache and index throw.
    ModuleRecord take(Call& call, const PullTarget& target, const Finder& find);

    /// Why a module that is known may not be served for this target: the settings may be stricter than when it was
    /// pulled, and an Extension may want other bytes.
    std::optional<Error> refusal(const ModuleRecord& record, const PullTarget& target) const;

    const PullLimits& limits() const noexcept { return _limits; }

private:
    CacheTiers& _cache;
    DigestIndex& _index;
    const PullLimits _limits;
};

} // namespace wasmproxy::host
