// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"

#include <optional>
#include <string_view>

namespace wasmproxy {

/// The claims of a JWT, unverified: what a token says of itself. nullopt: it is none, or no object can be read from it.
/// Never throws Error: most tokens are opaque.
std::optional<StrictJson> jwtClaims(std::string_view token);

} // namespace wasmproxy
