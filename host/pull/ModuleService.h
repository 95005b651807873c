// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/AnswerTerms.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/Reference.h"
#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/Trace.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace wasmproxy::host {

enum class CacheResult { Hit, Miss, Stale };

/// A verified module, ready to be sent. Holding `content` is the lease: it stays readable whatever is evicted.
struct ServedModule {
    std::shared_ptr<Blob> content; ///< has a descriptor(), always
    Digest module;                 ///< sha256 of the bytes
    Digest manifest;               ///< what the reference resolved to
    CacheResult cache = CacheResult::Hit;
    std::shared_ptr<const AnswerTerms> terms = nullptr; ///< nullptr: ask again each time
};

/// Who asks, for logs and accesses, and how.
struct Caller {
    std::string requestId;
    std::string address;
    Trace trace = {};
    /// Upstream is asked whatever is known and however lately: neither what is stale nor a failure that is remembered
    /// answers.
    bool refresh = false;
};

using ModuleResult = std::variant<ServedModule, Error>;
/// Called exactly once: at once on the calling thread for what is in memory, else later on another thread.
using ModuleCallback = std::function<void(ModuleResult)>;

/// What the data plane asks. Never blocks; holds, Flights and retries are behind it. Thread-safe.
class ModuleService {
public:
    virtual ~ModuleService() = default;
    /// `secret` (may be empty) chooses among the Extensions whose url this is, and nothing else.
    virtual void byReference(const Reference& reference, const std::string& secret, const Caller& caller,
                             ModuleCallback callback) = 0;
    /// An http(s) url: served only where an Extension has exactly it.
    virtual void byUrl(const std::string& url, const std::string& secret, const Caller& caller,
                       ModuleCallback callback) = 0;
    /// The Extension's module as it is now; with `digest` that one: of the manifest, or of the module.
    virtual void byExtension(const std::string& name, const std::optional<Digest>& digest, const Caller& caller,
                             ModuleCallback callback) = 0;
    virtual void bySha256(const Digest& module, const Caller& caller, ModuleCallback callback) = 0;

    /// True: the question that was answered under `terms` has that answer now as well, and has been given it once more.
    virtual bool again(const AnswerTerms& /*terms*/, const std::string& /*caller's address*/) noexcept { return false; }
};

} // namespace wasmproxy::host
