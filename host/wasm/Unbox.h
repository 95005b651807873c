// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ModuleFinder.h"

namespace wasmproxy::host {

/// The module in a plain file, as istio-agent takes it out of what an http(s) url gave: the module itself, or the first
/// file of a tar archive, either compressed; nested in any order, at most four deep. Layout "file". `what` names the
/// file in errors. Throws Error{ModuleUnusable}; what `sink` throws passes through. Thread-safe.
/// Source: istio pkg/wasm/httpfetcher.go, unboxIfPossible.
FoundModule unboxModule(Blob& file, const std::string& what, const ModuleSink& sink, const ModuleLimits& limits);

} // namespace wasmproxy::host
