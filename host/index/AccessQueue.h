// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "DigestIndex.h"

#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>

namespace wasmproxy::host {

/// Accesses on their way to the database. Threads that add do not meet each other, and what one caller asks for again
/// and again within a second takes a bounded number of rows: the last of them stands for the rest, so that counts stay
/// right. Thread-safe, never waits for the database.
class AccessQueue {
public:
    static constexpr std::size_t RowsPerSecond =
        32; ///< of one module, reference and caller, before one stands for more

    explicit AccessQueue(std::size_t bound) : _bound(bound) {}

    /// How many rows wait now; 0: none came to them.
    std::size_t add(const Digest& module, const std::string& reference, const std::string& caller,
                    std::chrono::system_clock::time_point at) noexcept;
    std::vector<AccessRecord> take(); ///< all of them
    std::size_t size() const noexcept { return _size.load(); }
    std::uint64_t dropped() const noexcept { return _dropped.load(); }
    void drop(std::uint64_t count) noexcept { _dropped += count; }

private:
    struct Asked {
        std::int64_t second = 0;
        std::size_t rows = 0;    ///< in that second
        std::size_t rest = 0;    ///< place of the row that stands for more
        std::uint64_t batch = 0; ///< in which that place was; 0: there is none
    };
    struct alignas(64) Part {
        std::mutex mutex;
        std::vector<AccessRecord> waiting;
        std::unordered_map<std::string, Asked> asked;
        std::string key; ///< kept for its memory
        std::uint64_t batch = 1;
    };
    static constexpr std::size_t Parts = 8;
    static constexpr std::size_t MostAsked = 16384; ///< per part, then it forgets

    static std::size_t partOfThread() noexcept;

    const std::size_t _bound;
    std::array<Part, Parts> _parts;
    std::atomic<std::size_t> _size{0};
    std::atomic<std::uint64_t> _dropped{0};
};

} // namespace wasmproxy::host
