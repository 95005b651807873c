// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "SourceTree.h"

#include <string>
#include <vector>

namespace wasmproxy::test {

/// What is wrong with a file, whatever it is for: "path:line: what" for each finding.
std::vector<std::string> flaws(const SourceFile& file);

} // namespace wasmproxy::test
