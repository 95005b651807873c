// SPDX-License-Identifier: Apache-2.0
#include "wasm/ModuleFinder.h"

#include "wasm/ModuleSearch.h"

namespace wasmproxy::host {

FoundModule findModule(const Manifest& manifest, const ContentOpener& open, const ModuleSink& sink,
                       const ModuleLimits& limits) {
    return ModuleSearch(manifest, open, sink, limits).run();
}

} // namespace wasmproxy::host
