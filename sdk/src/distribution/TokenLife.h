// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"

#include <chrono>
#include <string_view>

namespace wasmproxy {

/// How long a token will live: the response's `expires_in`; where it has none (Azure), the `exp` of a JWT; else the
/// specification's 60 s. Never throws for odd values: a token that works is worth more than a tidy lifetime.
std::chrono::seconds lifeOf(const StrictJson& response, std::string_view token,
                            std::chrono::system_clock::time_point now);

} // namespace wasmproxy
