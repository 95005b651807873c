// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace wasmproxy {

/// The target of the first link with the relation `next`, as it is written; nullopt: there is none. Never throws.
/// Source: RFC 8288, section 3.
std::optional<std::string> nextLink(const std::vector<std::string>& headerValues);

} // namespace wasmproxy
