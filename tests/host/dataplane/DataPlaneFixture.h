// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "FakeModules.h"
#include "dataplane/DataPlane.h"
#include "observe/Metrics.h"
#include "support/Base64.h"
#include "support/RawClient.h"

#include <algorithm>
#include <cppunit/extensions/HelperMacros.h>
#include <functional>
#include <sstream>
#include <thread>

namespace wasmproxy::host::test {

using wasmproxy::test::base64;

inline std::string fetchPath(const std::string& reference) {
    return "/fetch/" + base64("oci://" + reference);
}

/// Bytes that begin as a module does and repeat nowhere within 64 KiB, so that a shifted range shows.
inline std::string moduleBytes(std::size_t size) {
    std::string bytes("\0asm\1\0\0\0", 8);
    bytes.resize(size);
    std::uint32_t state = 12345;
    for (std::size_t i = 8; i < size; ++i) {
        state = state * 1664525 + 1013904223;
        bytes[i] = static_cast<char>(state >> 24);
    }
    return bytes;
}

/// A DataPlane on a free port over a fake ModuleService.
class DataPlaneFixture {
public:
    explicit DataPlaneFixture(const std::function<void(DataPlaneOptions&)>& adjust = {}) {
        DataPlaneOptions options;
        options.listen = "127.0.0.1:0";
        options.threads = 2;
        if (adjust) adjust(options);
        plane = std::make_unique<DataPlane>(options, modules, metrics);
        plane->start();
    }

    RawClient client(int receiveBuffer = 0) const { return RawClient(plane->port(), receiveBuffer); }

    /// Waits, bounded, for something another thread does.
    static bool eventually(const std::function<bool()>& condition,
                           std::chrono::milliseconds limit = std::chrono::seconds(5)) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }

    /// The figure of the first line of /metrics that begins with `name` and has every one of `labels`; -1: there is
    /// none.
    double figure(const std::string& name, const std::vector<std::string>& labels = {}) const {
        std::istringstream text(metrics.text());
        for (std::string line; std::getline(text, line);) {
            const bool match = line.compare(0, name.size(), name) == 0 &&
                               std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
                                   return line.find(label) != std::string::npos;
                               });
            if (match) return std::stod(line.substr(line.rfind(' ')));
        }
        return -1;
    }

    Metrics metrics;
    FakeModules modules;
    std::unique_ptr<DataPlane> plane;
};

} // namespace wasmproxy::host::test
