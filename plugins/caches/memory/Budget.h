// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace wasmproxy::memory {

/// How many bytes may be held, and how many are. Thread-safe.
class Budget {
public:
    explicit Budget(std::uint64_t limit) : _limit(limit) {}

    void take(std::uint64_t bytes); ///< throws Error{StorageFault} past the limit
    void giveBack(std::uint64_t bytes) noexcept { _used -= bytes; }
    std::uint64_t used() const noexcept { return _used; }

private:
    const std::uint64_t _limit;
    std::atomic<std::uint64_t> _used{0};
};

} // namespace wasmproxy::memory
