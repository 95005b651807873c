// SPDX-License-Identifier: Apache-2.0
#include "wasm/ModuleWriter.h"

#include "wasm/ContentShape.h"
#include "wasm/ModuleInspector.h"
#include "wasmproxy/oci/Error.h"

#include <vector>

namespace wasmproxy::host {

std::uint64_t writeModule(BodyReader& source, const std::string& what, const ModuleSink& sink, std::uint64_t maxBytes) {
    constexpr std::size_t ChunkBytes = 64 * 1024;
    std::vector<char> buffer(ChunkBytes);
    std::size_t have = 0;
    // Enough to say what it is, where it is no module.
    while (have < ShapeBytes) {
        const std::size_t count = source.read(buffer.data() + have, ShapeBytes - have);
        if (count == 0) break;
        have += count;
    }
    const std::string problem = moduleHeaderProblem({buffer.data(), have});
    if (!problem.empty()) throw Error(ErrorCode::ModuleUnusable, what + " " + problem);
    std::uint64_t size = 0;
    while (have > 0) {
        size += have;
        if (size > maxBytes)
            throw Error(ErrorCode::ModuleUnusable, what + " is larger than " + std::to_string(maxBytes) + " bytes",
                        "raise pull.max-module");
        sink(buffer.data(), have);
        have = source.read(buffer.data(), buffer.size());
    }
    return size;
}

} // namespace wasmproxy::host
