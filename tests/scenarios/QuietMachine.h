// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

namespace wasmproxy::test {

/// Nothing of what is measured means anything while others keep the cores busy.
inline bool quietMachine() {
    double load = 0;
    return ::getloadavg(&load, 1) == 1 && load < std::thread::hardware_concurrency() * 0.75;
}

/// What `suite` could not assert since the machine is not quiet; tests/run repeats it at its end.
inline void sayLeftOut(const std::string& suite, const std::string& what) {
    std::cout << "SKIPPED: " << what
              << " was not asserted, since others use this machine; when it is quiet: ctest --test-dir " << BUILD_ROOT
              << " -R '^" << suite << "$'\n";
}

} // namespace wasmproxy::test
