// SPDX-License-Identifier: Apache-2.0
#include "wasm/Unbox.h"

#include "wasm/BlobReader.h"
#include "wasm/Decompressor.h"
#include "wasm/ModuleWriter.h"
#include "wasm/PeekReader.h"
#include "wasm/TarReader.h"
#include "wasmproxy/oci/Error.h"

namespace wasmproxy::host {
namespace {

constexpr int MaxBoxes = 4;

/// The first file of a tar archive.
class FirstFile : public BodyReader {
public:
    FirstFile(std::unique_ptr<BodyReader> archive, const std::string& what, UnpackBudget& budget)
        : _tar(std::move(archive), what), _what(what), _budget(budget) {
        while (auto entry = _tar.next()) {
            _budget.entry(entry->rawBytes, what);
            if (entry->kind != TarEntry::Kind::File) continue;
            path = entry->path;
            return;
        }
        throw Error(ErrorCode::ModuleUnusable, what + " is a tar archive without a file");
    }

    std::size_t read(char* buffer, std::size_t size) override {
        const auto count = _tar.read(buffer, size);
        _budget.unpacked(count, _what);
        return count;
    }

    std::string path;

private:
    TarReader _tar;
    const std::string _what;
    UnpackBudget& _budget;
};

} // namespace

FoundModule unboxModule(Blob& file, const std::string& what, const ModuleSink& sink, const ModuleLimits& limits) {
    UnpackBudget budget(limits);
    budget.startLayer();
    FoundModule found;
    found.layout = "file";
    auto reader = std::make_unique<PeekReader>(std::make_unique<BlobReader>(file, budget), ShapeBytes);
    for (int boxes = 0;; ++boxes) {
        const auto shape = shapeOf(reader->beginning());
        std::unique_ptr<BodyReader> inner;
        if (shape == ContentShape::Gzip || shape == ContentShape::Zstd) {
            inner = std::make_unique<Decompressor>(std::move(reader), shape, what, budget);
        } else if (shape == ContentShape::Tar) {
            auto first = std::make_unique<FirstFile>(std::move(reader), what, budget);
            found.entry += (found.entry.empty() ? "" : "/") + first->path;
            inner = std::move(first);
        } else {
            found.size = writeModule(*reader, what, sink, limits.moduleBytes);
            return found;
        }
        if (boxes == MaxBoxes)
            throw Error(ErrorCode::ModuleUnusable, what + " is packed more than " + std::to_string(MaxBoxes) + " deep");
        reader = std::make_unique<PeekReader>(std::move(inner), ShapeBytes);
    }
}

} // namespace wasmproxy::host
