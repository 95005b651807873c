// SPDX-License-Identifier: Apache-2.0
#include "pull/LayoutImport.h"

#include "observe/Log.h"
#include "pull/ArtifactContents.h"
#include "pull/IndexWrite.h"
#include "pull/TemporaryFile.h"
#include "wasm/ModuleInspector.h"
#include "wasm/OciLayoutReader.h"
#include "wasm/Printable.h"
#include "wasmproxy/oci/MediaType.h"

#include <algorithm>
#include <map>
#include <vector>

namespace wasmproxy::host {
namespace {

constexpr std::size_t ChunkBytes = 256 * 1024;
constexpr const char* What = "the archive";
constexpr const char* RefName = "org.opencontainers.image.ref.name";
constexpr const char* ImageName = "io.containerd.image.name";

[[noreturn]] void refuse(const std::string& reason, const std::string& hint = {}) {
    throw Error(ErrorCode::ModuleUnusable, std::string(What) + " " + reason, hint);
}

std::string annotation(const Descriptor& descriptor, const char* key) {
    const auto found = descriptor.annotations.find(key);
    return found == descriptor.annotations.end() ? std::string() : found->second;
}

Descriptor choose(const std::vector<Descriptor>& manifests, const Reference& reference) {
    std::vector<Descriptor> chosen;
    const auto take = [&](const auto& fits) {
        if (chosen.empty()) std::copy_if(manifests.begin(), manifests.end(), std::back_inserter(chosen), fits);
    };
    if (const auto& digest = reference.digest()) {
        take([&](const Descriptor& each) { return each.digest == *digest; });
        if (chosen.empty()) refuse("has no manifest " + digest->str() + ", which the reference pins");
        return chosen.front();
    }
    if (manifests.size() == 1) return manifests.front();
    take([&](const Descriptor& each) {
        return annotation(each, ImageName) == reference.str() || annotation(each, RefName) == reference.str();
    });
    take([&](const Descriptor& each) { return annotation(each, RefName) == reference.tag(); });
    if (chosen.size() == 1) return chosen.front();
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(manifests.size(), 10); ++i)
        names += (i ? ", " : "") + manifests[i].digest.str() + " " + printable(annotation(manifests[i], RefName), 80);
    refuse(manifests.empty() ? "names no manifest in its index.json"
                             : "has " + std::to_string(manifests.size()) + " manifests and not one of them is named " +
                                   reference.tag() + "; it has " + names,
           "name the one that is meant: reference=HOST/REPOSITORY:TAG@DIGEST");
}

/// A part of a staged file.
class Part : public Blob {
public:
    Part(TemporaryFile& file, std::uint64_t offset, std::uint64_t size) : _file(file), _offset(offset), _size(size) {}
    std::uint64_t size() const noexcept override { return _size; }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        if (offset >= _size) return 0;
        return _file.read(_offset + offset, buffer,
                          static_cast<std::size_t>(std::min<std::uint64_t>(size, _size - offset)));
    }

private:
    TemporaryFile& _file;
    const std::uint64_t _offset;
    const std::uint64_t _size;
};

} // namespace

/// The verified contents of an archive, in one file: a descriptor for each could be too many.
class LayoutImport::Staged : public LayoutSink {
public:
    Staged(Call& call, const std::string& folder) : _call(call), _file(folder) {}

    void write(const char* bytes, std::size_t size) override {
        _file.append(bytes, size);
        _call.check("reading the archive");
    }
    void end(const Digest& digest, std::uint64_t size) override {
        _parts.try_emplace(digest, _begin, size);
        _begin = _file.size();
    }
    /// Throws Error{ModuleUnusable} where it is not there, or not as large as the descriptor says.
    std::unique_ptr<Blob> open(const Descriptor& descriptor) {
        const auto found = _parts.find(descriptor.digest);
        if (found == _parts.end()) refuse("lacks the content " + descriptor.digest.str() + ", which a manifest names");
        const auto [offset, size] = found->second;
        if (descriptor.size != Descriptor::UnknownSize && descriptor.size != size)
            refuse("has " + std::to_string(size) + " bytes of " + descriptor.digest.str() +
                   ", where a manifest says it has " + std::to_string(descriptor.size));
        return std::make_unique<Part>(_file, offset, size);
    }

private:
    Call& _call;
    TemporaryFile _file;
    std::map<Digest, std::pair<std::uint64_t, std::uint64_t>> _parts; // offset and size
    std::uint64_t _begin = 0;
};

LayoutImport::Imported LayoutImport::take(Call& call, Blob& archive, const Reference& reference) {
    LayoutLimits limits;
    limits.unpack = _limits.module;
    limits.contentBytes = _limits.layerBytes;
    limits.documentBytes = _limits.manifestBytes;
    Staged staged(call, _folder);
    const auto index = readOciLayout(archive, What, staged, limits);
    const auto open = [&](const Descriptor& descriptor) { return staged.open(descriptor); };

    Imported imported;
    auto& record = imported.record;
    ArtifactContents artifact;
    try {
        ManifestLimits manifestLimits;
        manifestLimits.bytes = _limits.manifestBytes;
        const auto layout = parseManifest(index, media::OciIndex, manifestLimits);
        if (!std::holds_alternative<ImageIndex>(layout)) refuse("has an index.json that lists no manifests");
        auto top = choose(std::get<ImageIndex>(layout).manifests, reference);
        top.data.reset();
        artifact = ArtifactContents::read(top, open, _limits.manifestBytes);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::UpstreamInvalid) throw;
        refuse(std::string("has a bad document: ") + error.what()); // it did not come from a registry
    }
    for (const auto& content : artifact.contents)
        open(content);

    TemporaryFile module(_folder);
    DigestStream stream;
    const auto found = findModule(
        artifact.manifest, open,
        [&](const char* bytes, std::size_t size) {
            stream.update(bytes, size);
            module.append(bytes, size);
            call.check("unpacking the module");
        },
        _limits.module);
    record.manifest = artifact.manifests.front().digest;
    record.selectedManifest = artifact.manifests.back().digest;
    record.module = stream.finish();
    record.size = found.size;
    record.layout = found.layout;
    record.layer = found.layer;
    record.entry = found.entry;
    record.proxyAbi = inspectModule(module).proxyAbi;
    record.pulledAt = std::chrono::system_clock::now();
    if (const auto why = ModuleIntake(_cache, _index, _limits).refusal(record, PullTarget{reference, nullptr}))
        throw *why;

    auto all = artifact.manifests;
    all.insert(all.end(), artifact.contents.begin(), artifact.contents.end());
    for (const auto& content : all) {
        const auto blob = open(content);
        commit(call, content.digest, *blob);
        ++imported.contents;
        imported.bytes += blob->size();
    }
    if (record.module != record.layer) {
        commit(call, record.module, module);
        ++imported.contents;
        imported.bytes += module.size();
    }
    // Only now can anybody see it.
    const auto& repository = reference.repository();
    const auto& requestId = call.requestId();
    for (const auto& content : all)
        writeIndex(requestId, [&] { _index.link(content.digest, repository); });
    writeIndex(requestId, [&] { _index.recordModule(record, repository); });
    if (!reference.tag().empty())
        writeIndex(requestId, [&] { _index.recordTag(Reference(repository, reference.tag()), record.manifest); });
    log(LogLevel::Information, "imported",
        {{"request", requestId},
         {"reference", reference.str()},
         {"manifest", record.manifest.str()},
         {"module", record.module.str()},
         {"contents", std::to_string(imported.contents)}});
    return imported;
}

void LayoutImport::commit(Call& call, const Digest& digest, Blob& content) {
    auto ingest = _cache.ingest(call, content.size());
    std::vector<char> chunk(ChunkBytes);
    std::uint64_t offset = 0;
    while (const auto count = content.read(offset, chunk.data(), chunk.size())) {
        ingest->write(chunk.data(), count);
        offset += count;
        call.check("importing");
    }
    if (offset != content.size()) throw Error(ErrorCode::StorageFault, "a temporary file ended early");
    ingest->commit(digest);
    writeIndex(call.requestId(), [&] { _index.recordContent(digest, offset); });
}

} // namespace wasmproxy::host
