// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/Challenge.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy {

/// The last challenge of each registry, so that the next request can go out authorised at once. Thread-safe, bounded.
class ChallengeMemory {
public:
    struct Remembered {
        Challenge challenge;
        std::string path; ///< the repository it was given for
    };

    explicit ChallengeMemory(std::size_t capacity = 1000) : _capacity(capacity) {}

    std::optional<Remembered> find(const std::string& origin) const;
    void remember(const std::string& origin, Remembered value);
    void forget(const std::string& origin);

private:
    struct Row {
        Remembered value;
        std::uint64_t age = 0;
    };

    const std::size_t _capacity;
    mutable std::mutex _mutex;
    std::uint64_t _clock = 0;
    std::map<std::string, Row> _rows;
};

} // namespace wasmproxy
