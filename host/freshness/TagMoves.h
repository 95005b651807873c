// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// A tag that means something else than when it was asked for before.
struct TagMove {
    std::uint64_t number = 0; ///< greater is later
    std::chrono::system_clock::time_point at;
    std::string reference; ///< canonical
    Digest from;           ///< of the manifest
    Digest to;
    std::string requestId; ///< of what asked; the log has its lines
};

/// The last 1,000 moves since the start. Thread-safe.
class TagMoves {
public:
    static constexpr std::size_t Most = 1000;

    /// False: the move is there already, seen by another who asked at the same time.
    bool record(const std::string& reference, const Digest& from, const Digest& to, const std::string& requestId);
    std::vector<TagMove> newestFirst() const;
    std::uint64_t total() const; ///< since the start

private:
    mutable std::mutex _mutex;
    std::deque<TagMove> _moves; // newest first
    std::uint64_t _total = 0;
};

} // namespace wasmproxy::host
