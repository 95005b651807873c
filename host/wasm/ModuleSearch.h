// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasm/ImageFiles.h"
#include "wasm/LayerContent.h"
#include "wasm/ModuleFinder.h"
#include "wasm/UnpackBudget.h"

#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// One run of findModule: the layers are listed from the last one down, as far as needed, and the file that is found is
/// then read in a second pass. All references outlive it.
class ModuleSearch {
public:
    ModuleSearch(const Manifest& manifest, const ContentOpener& open, const ModuleSink& sink,
                 const ModuleLimits& limits);

    FoundModule run();

private:
    struct Layer {
        std::unique_ptr<Blob> blob; ///< kept only between listing and extraction
        std::vector<ContentShape> compression;
    };

    const Descriptor& descriptor(std::size_t layer) const { return _manifest.layers[layer]; }
    std::string nameOf(std::size_t layer) const;
    Blob& blobOf(std::size_t layer);

    std::optional<std::size_t> promisedLayer() const;
    std::vector<std::size_t> layersToSearch() const;
    FoundModule fromWasmLayer(std::size_t layer);
    FoundModule writeWhole(std::size_t layer, LayerContent& content, const std::string& layout);
    FoundModule fromFiles(const std::vector<std::size_t>& layers);

    void list(std::size_t layer);
    const ImageFile* pluginOf(std::size_t layer) const;
    const ImageFile* entrypoint();
    const ImageFile* soleWasm() const;
    FoundModule extract(const ImageFile& file, const std::string& layout);
    [[noreturn]] void refuse(const ImageFile& file, const std::string& reason) const;
    [[noreturn]] void refuseAll() const;

    const Manifest& _manifest;
    const ContentOpener& _open;
    const ModuleSink& _sink;
    const ModuleLimits& _limits;
    UnpackBudget _budget;
    std::vector<Layer> _layers;
    ImageFiles _files;
    std::vector<std::string> _notes; ///< what the searched layers were
};

} // namespace wasmproxy::host
