// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "index/DigestIndex.h"
#include "support/TemporaryFolder.h"

#include <chrono>
#include <ctime>
#include <fstream>
#include <string>

namespace wasmproxy::host::test {

using wasmproxy::test::readFile;
using wasmproxy::test::TemporaryFolder;

inline void writeFile(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline Digest digest(int number) {
    return Digest::of(std::to_string(number));
}

inline DigestIndexSettings settings(const std::string& path) {
    DigestIndexSettings result;
    result.path = path;
    return result;
}

/// Waits until `condition` holds, for what another thread does in its own time.
template <class Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        const struct timespec pause = {0, 2000000};
        ::nanosleep(&pause, nullptr);
    }
    return true;
}

} // namespace wasmproxy::host::test
