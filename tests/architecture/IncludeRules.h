// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::test {

/// Why a file must not include a header, empty if it may. Both are paths relative to the tree's root; the header may
/// also be "<name>", one of others.
std::string objection(const std::string& file, const std::string& header);

} // namespace wasmproxy::test
