// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy {

/// Foreign text for an error message: printable ASCII only, at most 80 characters.
std::string printable(std::string_view text);

} // namespace wasmproxy
