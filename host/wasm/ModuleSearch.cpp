// SPDX-License-Identifier: Apache-2.0
#include "wasm/ModuleSearch.h"

#include "wasm/ImageConfig.h"
#include "wasm/LayerTypes.h"
#include "wasm/ModuleInspector.h"
#include "wasm/ModuleWriter.h"
#include "wasm/Printable.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr const char* PluginName = "plugin.wasm";
constexpr const char* Hint = "push the module as one layer of type application/wasm, or as the file plugin.wasm in the "
                             "last layer of an image";
constexpr std::size_t Listed = 5;

/// An entry of an archive as a stream.
class EntryReader : public BodyReader {
public:
    explicit EntryReader(TarReader& tar) : _tar(tar) {}
    std::size_t read(char* buffer, std::size_t size) override { return _tar.read(buffer, size); }

private:
    TarReader& _tar;
};

bool isFile(const ImageFile& file) {
    return file.entry.kind == TarEntry::Kind::File;
}

bool isWasmName(const std::string& name) {
    constexpr std::string_view End = ".wasm";
    const bool ends = name.size() > End.size() && name.compare(name.size() - End.size(), End.size(), End) == 0;
    return ends && name.compare(0, 2, "._") != 0; // macOS's shadow files
}

bool beginsLikeWasm(TarReader& tar) {
    char magic[4];
    std::size_t have = 0;
    while (have < sizeof magic) {
        const std::size_t count = tar.read(magic + have, sizeof magic - have);
        if (count == 0) return false;
        have += count;
    }
    return shapeOf({magic, sizeof magic}) == ContentShape::Wasm;
}

std::string join(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size() && i < Listed; ++i)
        out += (i ? ", " : "") + words[i];
    if (words.size() > Listed) out += " and " + std::to_string(words.size() - Listed) + " more";
    return out;
}

std::string join(const std::vector<const ImageFile*>& files) {
    std::vector<std::string> names;
    for (const auto* file : files)
        names.push_back(file->entry.path.empty() ? "an unnamed layer" : printable(file->entry.path));
    return join(names);
}

} // namespace

ModuleSearch::ModuleSearch(const Manifest& manifest, const ContentOpener& open, const ModuleSink& sink,
                           const ModuleLimits& limits)
    : _manifest(manifest),
      _open(open),
      _sink(sink),
      _limits(limits),
      _budget(limits),
      _layers(manifest.layers.size()) {}

std::string ModuleSearch::nameOf(std::size_t layer) const {
    const Descriptor& at = descriptor(layer);
    return "layer " + std::to_string(layer + 1) + " of " + std::to_string(_layers.size()) + " (" +
           (at.mediaType.empty() ? "no media type" : printable(at.mediaType)) + ", " + at.digest.str() + ")";
}

Blob& ModuleSearch::blobOf(std::size_t layer) {
    if (isForeign(descriptor(layer)))
        throw Error(ErrorCode::ModuleUnusable, nameOf(layer) + " is a foreign layer, which is never fetched", Hint);
    auto& blob = _layers[layer].blob;
    if (!blob) blob = _open(descriptor(layer));
    if (!blob) throw Error(ErrorCode::Internal, nameOf(layer) + " was not opened");
    return *blob;
}

FoundModule ModuleSearch::run() {
    if (isSpin(_manifest))
        throw Error(ErrorCode::ModuleUnusable,
                    "the artifact is a Spin application: it has several components, none of which is a proxy's plugin");
    if (_manifest.layers.empty()) throw Error(ErrorCode::ModuleUnusable, "the artifact has no layers", Hint);
    if (const auto layer = promisedLayer()) return fromWasmLayer(*layer);
    return fromFiles(layersToSearch());
}

std::optional<std::size_t> ModuleSearch::promisedLayer() const {
    std::vector<std::size_t> wasm;
    for (std::size_t i = 0; i < _layers.size(); ++i)
        if (promiseOf(descriptor(i)) == LayerPromise::Wasm) wasm.push_back(i);
    if (wasm.empty()) return std::nullopt;
    if (wasm.size() == 1) return wasm.front();
    std::vector<std::string> names;
    for (const auto layer : wasm)
        names.push_back(nameOf(layer));
    throw Error(ErrorCode::ModuleUnusable, "the artifact has several WebAssembly layers: " + join(names),
                "push each module as an artifact of its own");
}

std::vector<std::size_t> ModuleSearch::layersToSearch() const {
    std::vector<std::size_t> layers;
    for (std::size_t i = 0; i < _layers.size(); ++i) {
        const LayerPromise promise = promiseOf(descriptor(i));
        if (promise == LayerPromise::Archive || promise == LayerPromise::Unknown) layers.push_back(i);
    }
    if (layers.empty() && _layers.size() == 1) layers.push_back(0);
    return layers;
}

FoundModule ModuleSearch::fromWasmLayer(std::size_t layer) {
    const std::string name = nameOf(layer);
    Blob& blob = blobOf(layer);
    LayerContent content = openLayer(blob, name, _budget);
    if (content.shape == ContentShape::Tar) return fromFiles({layer});
    return writeWhole(layer, content, wasmLayout(_manifest, descriptor(layer)));
}

FoundModule ModuleSearch::writeWhole(std::size_t layer, LayerContent& content, const std::string& layout) {
    const std::string name = nameOf(layer);
    if (content.compression.empty() && blobOf(layer).size() > _limits.moduleBytes)
        throw Error(ErrorCode::ModuleUnusable,
                    name + " is larger than " + std::to_string(_limits.moduleBytes) + " bytes",
                    "raise pull.max-module");
    FoundModule found;
    found.layout = layout;
    found.layer = descriptor(layer).digest;
    found.size = writeModule(*content.reader, name, _sink, _limits.moduleBytes);
    return found;
}

FoundModule ModuleSearch::fromFiles(const std::vector<std::size_t>& layers) {
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
        list(*layer);
        if (const ImageFile* file = pluginOf(*layer)) {
            const std::string compat = compatLayout(_manifest, descriptor(*layer));
            const auto& compression = _layers[*layer].compression;
            const bool asIstio = compression == std::vector<ContentShape>{ContentShape::Gzip} && !compat.empty();
            return extract(*file, asIstio ? compat : "image-plugin");
        }
    }
    if (const ImageFile* file = entrypoint()) return extract(*file, "image-entrypoint");
    if (const ImageFile* file = soleWasm()) return extract(*file, "image-sole-wasm");
    refuseAll();
}

void ModuleSearch::list(std::size_t layer) {
    const std::string name = nameOf(layer);
    Blob& blob = blobOf(layer);
    _budget.look(name);
    LayerContent content = openLayer(blob, name, _budget);
    _layers[layer].compression = content.compression;
    bool wanted = false;
    if (content.shape == ContentShape::Wasm) {
        const auto& annotations = descriptor(layer).annotations;
        const auto title = annotations.find("org.opencontainers.image.title");
        _files.addWhole(layer, title == annotations.end() ? "" : title->second);
        wanted = true;
    } else if (content.shape == ContentShape::Tar) {
        TarReader tar(std::move(content.reader), name);
        _files.startLayer(layer);
        std::uint64_t entries = 0;
        while (auto entry = tar.next()) {
            ++entries;
            _budget.entry(entry->rawBytes, name);
            const bool wasm = entry->kind == TarEntry::Kind::File && beginsLikeWasm(tar);
            wanted = wanted || wasm;
            _files.add(std::move(*entry), wasm);
        }
        _files.endLayer();
        _notes.push_back(name + " has " + std::to_string(entries) + " entries");
    } else {
        const std::string& beginning = content.reader->beginning();
        _notes.push_back(name + " " + moduleHeaderProblem(beginning));
    }
    if (!wanted) _layers[layer].blob.reset();
}

const ImageFile* ModuleSearch::pluginOf(std::size_t layer) const {
    std::vector<const ImageFile*> files;
    const ImageFile* link = nullptr;
    for (const auto& file : _files.visible()) {
        if (file.layer != layer || file.baseName() != PluginName) continue;
        if (isFile(file))
            files.push_back(&file);
        else
            link = &file;
    }
    if (files.empty() && link) {
        const char* kind = link->entry.kind == TarEntry::Kind::HardLink ? "a hard link" : "a symbolic link";
        refuse(*link,
               std::string("is ") + kind + " to " + printable(link->entry.target) + ", and links are not followed");
    }
    if (files.empty()) return nullptr;
    if (files.size() == 1) return files.front();
    const auto root =
        std::find_if(files.begin(), files.end(), [](const ImageFile* file) { return file->entry.path == PluginName; });
    if (root != files.end()) return *root;
    throw Error(ErrorCode::ModuleUnusable,
                nameOf(layer) + " has several plugin.wasm and none at its root: " + join(files), Hint);
}

const ImageFile* ModuleSearch::entrypoint() {
    const bool anyFile = std::any_of(_files.visible().begin(), _files.visible().end(),
                                     [](const ImageFile& file) { return isFile(file) && !file.whole; });
    if (!anyFile || !hasImageConfig(_manifest)) return nullptr;
    const auto config = _open(_manifest.config);
    if (!config) throw Error(ErrorCode::Internal, "the image's config was not opened");
    for (const auto& path : startPaths(*config, _limits.configBytes)) {
        if (path.empty()) continue;
        for (const auto& file : _files.visible()) {
            // What is no module (a shell) leaves the choice to the rules below.
            if (isFile(file) && file.entry.path == path && (file.wasm || isWasmName(file.baseName()))) return &file;
        }
    }
    return nullptr;
}

const ImageFile* ModuleSearch::soleWasm() const {
    std::vector<const ImageFile*> files;
    for (const auto& file : _files.visible())
        if (file.whole || (isFile(file) && isWasmName(file.baseName()))) files.push_back(&file);
    if (files.empty()) return nullptr;
    if (files.size() == 1) return files.front();
    throw Error(ErrorCode::ModuleUnusable,
                "the artifact has several modules and none is called plugin.wasm: " + join(files), Hint);
}

FoundModule ModuleSearch::extract(const ImageFile& file, const std::string& layout) {
    if (file.ambiguous) refuse(file, "is in the archive more than once");
    const std::string name = nameOf(file.layer);
    UnpackBudget budget(_limits);
    LayerContent content = openLayer(blobOf(file.layer), name, budget);
    if (file.whole) return writeWhole(file.layer, content, "raw");
    FoundModule found;
    found.layout = layout;
    found.layer = descriptor(file.layer).digest;
    found.entry = file.entry.path;
    TarReader tar(std::move(content.reader), name);
    while (const auto entry = tar.next()) {
        if (entry->index != file.entry.index) continue;
        if (entry->path != file.entry.path) break;
        EntryReader reader(tar);
        found.size = writeModule(reader, printable(file.entry.path) + " in " + name, _sink, _limits.moduleBytes);
        return found;
    }
    throw Error(ErrorCode::Internal, name + " changed while it was read");
}

void ModuleSearch::refuse(const ImageFile& file, const std::string& reason) const {
    throw Error(ErrorCode::ModuleUnusable, printable(file.entry.path) + " in " + nameOf(file.layer) + " " + reason,
                Hint);
}

void ModuleSearch::refuseAll() const {
    std::vector<std::string> notes = _notes;
    if (notes.empty())
        for (const auto& layer : _manifest.layers)
            notes.push_back("a layer of type " + printable(layer.mediaType));
    std::vector<const ImageFile*> links;
    for (const auto& file : _files.visible())
        if (!isFile(file) && isWasmName(file.baseName())) links.push_back(&file);
    std::string reason = "the artifact has no module: no WebAssembly layer, no plugin.wasm and no other .wasm file; ";
    if (!links.empty()) reason += "links are not followed (" + join(links) + "); ";
    throw Error(ErrorCode::ModuleUnusable, reason + join(notes), Hint);
}

} // namespace wasmproxy::host
