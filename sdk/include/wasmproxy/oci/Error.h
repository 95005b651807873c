// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/ErrorCode.h"

#include <chrono>
#include <stdexcept>
#include <string>

namespace wasmproxy {

/// The one exception that crosses the seams. `what()` says what happened, for operators: it names the host, file or key
/// but never a secret and never a presigned URL's query. `hint()` says what to do about it and may be empty.
class Error : public std::runtime_error {
public:
    Error(ErrorCode code, const std::string& message, std::string hint = {})
        : std::runtime_error(message), _code(code), _hint(std::move(hint)) {}

    ErrorCode code() const noexcept { return _code; }
    const std::string& hint() const noexcept { return _hint; }
    bool retryable() const noexcept { return traitsOf(_code).retryable; }

    /// How long the other side asked us to wait; zero: it did not say.
    std::chrono::seconds retryAfter() const noexcept { return _retryAfter; }
    Error& withRetryAfter(std::chrono::seconds value) {
        _retryAfter = value;
        return *this;
    }

private:
    ErrorCode _code;
    std::string _hint;
    std::chrono::seconds _retryAfter{0};
};

} // namespace wasmproxy
