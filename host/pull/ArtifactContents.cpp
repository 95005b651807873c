// SPDX-License-Identifier: Apache-2.0
#include "pull/ArtifactContents.h"

#include "wasmproxy/oci/MediaType.h"

namespace wasmproxy::host {
namespace {

constexpr int MaxIndexDepth = 4;

} // namespace

std::string bytesOf(Blob& blob) {
    std::string bytes(blob.size(), '\0');
    std::size_t offset = 0;
    while (offset < bytes.size()) {
        const auto count = blob.read(offset, bytes.data() + offset, bytes.size() - offset);
        if (count == 0) throw Error(ErrorCode::StorageFault, "content ended early");
        offset += count;
    }
    return bytes;
}

ArtifactContents ArtifactContents::read(const Descriptor& top, const Open& open, std::uint64_t manifestBytes) {
    ManifestLimits limits;
    limits.bytes = manifestBytes;
    ArtifactContents artifact;
    Descriptor next = top;
    while (true) {
        if (artifact.manifests.size() > MaxIndexDepth)
            throw Error(ErrorCode::ModuleUnusable,
                        "image indexes are nested more than " + std::to_string(MaxIndexDepth) + " deep");
        const auto blob = open(next);
        if (!blob) throw Error(ErrorCode::ModuleUnknown, "the manifest " + next.digest.str() + " is not there");
        if (blob->size() > manifestBytes)
            throw Error(ErrorCode::ModuleUnusable,
                        "the manifest " + next.digest.str() + " has more than the limit of " +
                            std::to_string(manifestBytes) + " bytes",
                        "raise pull.max-manifest");
        if (next.size == Descriptor::UnknownSize) next.size = blob->size();
        auto document = parseManifest(bytesOf(*blob), next.mediaType, limits);
        auto* index = std::get_if<ImageIndex>(&document);
        next.mediaType = index ? index->mediaType : std::get<Manifest>(document).mediaType;
        artifact.manifests.push_back(next);
        if (!index) {
            artifact.manifest = std::get<Manifest>(std::move(document));
            break;
        }
        next = Descriptor(chooseChild(*index));
        next.data.reset();
    }
    const auto& manifest = artifact.manifest;
    if (!manifest.config.digest.empty()) artifact.contents.push_back(manifest.config);
    for (const auto& layer : manifest.layers)
        if (!layer.foreign) artifact.contents.push_back(layer);
    for (auto& content : artifact.contents)
        content.data.reset();
    return artifact;
}

} // namespace wasmproxy::host
