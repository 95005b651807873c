// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

namespace wasmproxy::host {

/// A text that sorts before those of lesser numbers: what a Page of newest things is ordered by.
inline std::string newestFirst(std::uint64_t number) {
    char text[24];
    std::snprintf(text, sizeof text, "%020llu",
                  static_cast<unsigned long long>(std::numeric_limits<std::uint64_t>::max() - number));
    return text;
}

} // namespace wasmproxy::host
