// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"
#include "wasmproxy/plugin/Call.h"

#include <cstdint>

namespace wasmproxy {

/// The ability "cache-quarantine/1" of a CacheStore: it keeps what turned out not to be what its digest says, for
/// whoever looks into the cause, within bounds of its own. Owned by the store; thread-safe.
class CacheQuarantine {
public:
    static constexpr const char* Id = "cache-quarantine/1";

    struct Held {
        std::uint64_t contents = 0;
        std::uint64_t bytes = 0;
    };

    /// The content is gone from the store, as after CacheStore::remove(), and put aside if there is room for it; the
    /// oldest that were put aside go for it. false: it was not there. Throws Error{StorageFault}.
    virtual bool quarantine(Call& call, const Digest& digest) = 0;
    virtual Held quarantined() const noexcept = 0; ///< what is put aside now; waits for no disk

protected:
    ~CacheQuarantine() = default;
};

} // namespace wasmproxy
