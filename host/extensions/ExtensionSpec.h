// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions/ExtensionFields.h"

namespace wasmproxy::host {

/// The `spec` of a WasmExtension into `extension`, whose name and origin are set. What is wrong is in `problems`; then
/// the extension is of no use.
void readExtensionSpec(const DocumentNode& spec, Extension& extension, std::vector<ExtensionProblem>& problems);

} // namespace wasmproxy::host
