// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ContentShape.h"
#include "wasm/PeekReader.h"
#include "wasm/UnpackBudget.h"

#include <memory>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// A layer from its beginning, with what compression it has taken off (at most twice), whatever its label says.
struct LayerContent {
    std::unique_ptr<PeekReader> reader;
    ContentShape shape = ContentShape::Empty; ///< Empty, Wasm, Tar or Other
    std::vector<ContentShape> compression;    ///< outermost first
};

/// `layer` names it in errors; `blob` and `budget` outlive the result. Throws Error{ModuleUnusable}.
LayerContent openLayer(Blob& blob, const std::string& layer, UnpackBudget& budget);

} // namespace wasmproxy::host
