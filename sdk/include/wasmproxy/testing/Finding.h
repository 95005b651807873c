// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::testing {

/// What one check of a conformance suite found. Suites return them all, so that a plugin's author sees every problem of
/// one run; they throw nothing. Value type.
struct Finding {
    std::string name; ///< of the check: "resolve: an absent tag is a value"
    bool passed = false;
    std::string detail; ///< what was expected and what happened; empty where it passed
};

} // namespace wasmproxy::testing
