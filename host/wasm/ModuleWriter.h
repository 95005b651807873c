// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ModuleFinder.h"
#include "wasmproxy/plugin/BodyReader.h"

#include <string>

namespace wasmproxy::host {

/// Passes a module from `source` to `sink`, its header checked before the first byte, its size while it streams.
/// `what` names it in errors. Returns its size. Throws Error{ModuleUnusable}.
std::uint64_t writeModule(BodyReader& source, const std::string& what, const ModuleSink& sink, std::uint64_t maxBytes);

} // namespace wasmproxy::host
