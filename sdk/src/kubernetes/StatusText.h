// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/kubernetes/ApiError.h"
#include "wasmproxy/oci/StrictJson.h"

#include <chrono>
#include <string>

namespace wasmproxy::kubernetes {

/// What a Status object says. Foreign text in it is made printable and short.
struct StatusText {
    int code = 0;
    std::string reason;
    std::string message;
    std::chrono::seconds retryAfter{0};

    static StatusText of(const StrictJson& status);
    /// `header`: of Retry-After; only seconds count.
    void waitAccording(const std::string& header);
    ApiError error(const std::string& what, const std::string& hint) const;
};

} // namespace wasmproxy::kubernetes
