// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/testing/Finding.h"

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace wasmproxy::testing {

/// Runs the checks of one suite and keeps what they found. A check fails by throwing, whatever it is.
class Checklist {
public:
    /// What a check throws where the contract is broken.
    struct Broken : std::runtime_error {
        using std::runtime_error::runtime_error;
    };

    /// `redact` is applied to every detail, so that a foreign exception's text cannot carry a secret out.
    explicit Checklist(std::function<std::string(std::string)> redact = {}) : _redact(std::move(redact)) {}

    /// Returns whether it passed.
    bool check(const std::string& name, const std::function<void()>& body);
    static void require(bool condition, const std::string& expected);

    std::vector<Finding> take() { return std::move(_findings); }

private:
    std::function<std::string(std::string)> _redact;
    std::vector<Finding> _findings;
};

/// Runs `body(0)` … `body(count - 1)` at once, each on a thread of its own, and rethrows the first failure.
void inParallel(std::size_t count, const std::function<void(std::size_t)>& body);

} // namespace wasmproxy::testing
