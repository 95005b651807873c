// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CacheStore.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace wasmproxy::host {

/// Who has which content of the main tier open: answers that send it, Flights that read it, the hot table. What is open
/// is not evicted; what is removed all the same (an operator purges it, it is damaged) takes its bytes until the last
/// reader lets go. Thread-safe. What it hands out may outlive it.
class Leases {
public:
    Leases();

    /// What `open` gives, with a lease for as long as it lives; nullptr stays nullptr. Waits while the content is just
    /// being removed.
    std::unique_ptr<Blob> open(Call& call, const Digest& digest, const std::function<std::unique_ptr<Blob>()>& open);
    /// Runs `remove` while nobody can open the content; false: somebody has it open, and nothing was done.
    bool unlessLeased(const Digest& digest, const std::function<void()>& remove);
    /// The content has left the store; those who have it open keep it.
    void removed(const Digest& digest);

    bool leased(const Digest& digest) const;
    std::uint64_t lingeringBytes() const; ///< of what was removed and is still open

private:
    struct State;
    class LeasedBlob;
    std::shared_ptr<State> _state;
};

} // namespace wasmproxy::host
