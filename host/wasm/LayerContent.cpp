// SPDX-License-Identifier: Apache-2.0
#include "wasm/LayerContent.h"

#include "wasm/BlobReader.h"
#include "wasm/Decompressor.h"
#include "wasmproxy/oci/Error.h"

namespace wasmproxy::host {

namespace {

/// Plain content costs no decompression but is still read through: it counts as well.
class ChargedReader : public BodyReader {
public:
    ChargedReader(std::unique_ptr<BodyReader> source, std::string layer, UnpackBudget& budget)
        : _source(std::move(source)), _layer(std::move(layer)), _budget(budget) {}

    std::size_t read(char* buffer, std::size_t size) override {
        const std::size_t count = _source->read(buffer, size);
        _budget.unpacked(count, _layer);
        return count;
    }

private:
    std::unique_ptr<BodyReader> _source;
    std::string _layer;
    UnpackBudget& _budget;
};

} // namespace

LayerContent openLayer(Blob& blob, const std::string& layer, UnpackBudget& budget) {
    constexpr std::size_t MaxCompressions = 2;
    budget.startLayer();
    LayerContent content;
    content.reader = std::make_unique<PeekReader>(std::make_unique<BlobReader>(blob, budget), ShapeBytes);
    while (true) {
        content.shape = shapeOf(content.reader->beginning());
        if (content.shape != ContentShape::Gzip && content.shape != ContentShape::Zstd) break;
        if (content.compression.size() == MaxCompressions)
            throw Error(ErrorCode::ModuleUnusable, layer + " is compressed more than twice");
        content.compression.push_back(content.shape);
        content.reader = std::make_unique<PeekReader>(
            std::make_unique<Decompressor>(std::move(content.reader), content.shape, layer, budget), ShapeBytes);
    }
    if (content.compression.empty())
        content.reader = std::make_unique<PeekReader>(
            std::make_unique<ChargedReader>(std::move(content.reader), layer, budget), ShapeBytes);
    return content;
}

} // namespace wasmproxy::host
