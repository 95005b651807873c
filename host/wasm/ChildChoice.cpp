// SPDX-License-Identifier: Apache-2.0
#include "wasm/ModuleFinder.h"

#include "wasm/Printable.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/MediaType.h"

namespace wasmproxy::host {

namespace {

bool isAttestation(const Descriptor& child) {
    if (child.annotations.count("vnd.docker.reference.type")) return true;
    return child.platform && child.platform->os == "unknown" && child.platform->architecture == "unknown";
}

bool mayBeImage(const Descriptor& child) {
    return child.mediaType.empty() || media::isManifest(child.mediaType) || media::isImageIndex(child.mediaType);
}

constexpr int NoRank = 100;

/// Smaller is better; NoRank: only if there is nothing else.
int rankOf(const Descriptor& child) {
    if (!child.platform || (child.platform->os.empty() && child.platform->architecture.empty())) return 20;
    const Platform& platform = *child.platform;
    if (platform.architecture == "wasm" || platform.architecture == "wasm32") {
        if (platform.os == "wasi") return 0;
        if (platform.os == "wasip1") return 1;
        if (platform.os == "js") return 2;
        return platform.os == "wasip2" || platform.os == "wasip3" ? 30 : 3;
    }
    if (platform.os == "linux" && platform.architecture == "amd64") return platform.variant.empty() ? 10 : 11;
    return NoRank;
}

std::string describe(const Descriptor& child) {
    if (isAttestation(child)) return "an attestation";
    if (!mayBeImage(child)) return "a " + printable(child.mediaType, 80);
    std::string out = printable(child.platform->os, 40) + "/" + printable(child.platform->architecture, 40);
    if (!child.platform->variant.empty()) out += "/" + printable(child.platform->variant, 40);
    return out;
}

} // namespace

const Descriptor& chooseChild(const ImageIndex& index) {
    const Descriptor* best = nullptr;
    int bestRank = NoRank;
    std::size_t candidates = 0;
    for (const auto& child : index.manifests) {
        if (isAttestation(child) || !mayBeImage(child)) continue;
        ++candidates;
        const int rank = rankOf(child);
        if (best && rank >= bestRank) continue;
        best = &child;
        bestRank = rank;
    }
    if (best && (bestRank < NoRank || candidates == 1)) return *best;
    if (index.manifests.empty()) throw Error(ErrorCode::ModuleUnusable, "the image index is empty");
    constexpr std::size_t Listed = 10;
    std::string had;
    for (std::size_t i = 0; i < index.manifests.size() && i < Listed; ++i)
        had += (i ? ", " : "") + describe(index.manifests[i]);
    if (index.manifests.size() > Listed) had += " and " + std::to_string(index.manifests.size() - Listed) + " more";
    throw Error(ErrorCode::ModuleUnusable, "the image index has no child that may hold a module; it has " + had,
                "push the module for platform wasi/wasm or linux/amd64");
}

} // namespace wasmproxy::host
