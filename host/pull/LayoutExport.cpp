// SPDX-License-Identifier: Apache-2.0
#include "pull/LayoutExport.h"

#include "pull/ArtifactContents.h"
#include "wasm/OciLayoutWriter.h"

namespace wasmproxy::host {

void LayoutExport::write(Call& call, const Reference& reference, const Digest& manifest, int descriptor) {
    Descriptor top;
    top.digest = manifest;
    const auto open = [&](const Descriptor& each) { return _cache.openVerified(call, each.digest); };
    const auto artifact = ArtifactContents::read(top, open, _manifestBytes);

    std::vector<Descriptor> missing;
    for (const auto& content : artifact.contents)
        if (!open(content)) missing.push_back(content);
    if (!missing.empty()) _fetch(call, reference.pinned(manifest), missing);

    OciLayoutWriter writer(descriptor);
    auto all = artifact.manifests;
    all.insert(all.end(), artifact.contents.begin(), artifact.contents.end());
    for (const auto& content : all) {
        const auto blob = _cache.openTrusted(call, content.digest);
        if (!blob) throw Error(ErrorCode::StorageFault, "the cache lost " + content.digest.str() + " meanwhile");
        writer.add(call, content.digest, *blob);
    }
    top = artifact.manifests.front();
    if (!reference.tag().empty()) {
        top.annotations["org.opencontainers.image.ref.name"] = reference.tag();
        top.annotations["io.containerd.image.name"] = Reference(reference.repository(), reference.tag()).str();
    }
    writer.finish(top);
}

} // namespace wasmproxy::host
