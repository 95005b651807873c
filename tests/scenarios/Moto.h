// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/Child.h"

#include <iostream>
#include <string>

namespace wasmproxy::test {

/// The folder with the emulator of AWS; empty: it cannot be had, and the reason has been said. Downloads once.
inline const std::string& motoFolder() {
    static const auto folder = [] { // without a network it takes its time
        try {
            auto path = run(SOURCE_ROOT "/tests/support/fetch-moto", {}, std::chrono::minutes(4));
            path.erase(path.find_last_not_of('\n') + 1);
            return path;
        } catch (const std::exception& error) {
            std::cout << "\nSKIPPED: no emulator of AWS: " << error.what() << std::endl;
            return std::string();
        }
    }();
    return folder;
}

} // namespace wasmproxy::test
