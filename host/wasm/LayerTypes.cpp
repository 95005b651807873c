// SPDX-License-Identifier: Apache-2.0
#include "wasm/LayerTypes.h"

#include "wasmproxy/oci/MediaType.h"

#include <algorithm>

namespace wasmproxy::host {

namespace {

constexpr std::string_view SoloLayer = "application/vnd.module.wasm.content.layer.v1+wasm";
constexpr std::string_view WasmToOciLayer = "application/vnd.wasm.content.layer.v1+wasm";
constexpr std::string_view RunwasiLayer = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
constexpr std::string_view SpinConfig = "application/vnd.fermyon.spin.application.v1+config";
constexpr std::string_view DockerTarGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
constexpr std::string_view OciTarGzip = "application/vnd.oci.image.layer.v1.tar+gzip";

constexpr std::string_view Bare[] = {"",
                                     media::OctetStream,
                                     "binary/octet-stream",
                                     "application/gzip",
                                     "application/x-gzip",
                                     "application/zstd",
                                     "application/x-tar",
                                     "application/tar",
                                     "application/tar+gzip",
                                     "application/x-tar+gzip"};

bool endsWith(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool isLast(const Manifest& manifest, const Descriptor& layer) {
    return &manifest.layers.back() == &layer;
}

} // namespace

LayerPromise promiseOf(const Descriptor& layer) {
    const std::string& type = layer.mediaType;
    if (type == media::Wasm || endsWith(type, "+wasm")) return LayerPromise::Wasm;
    if (std::find(std::begin(Bare), std::end(Bare), type) != std::end(Bare)) return LayerPromise::Unknown;
    for (const char* end : {".tar", ".tar+gzip", ".tar.gzip", ".tar+zstd", ".tar.zstd"})
        if (endsWith(type, end)) return LayerPromise::Archive;
    return LayerPromise::Other;
}

std::string wasmLayout(const Manifest& manifest, const Descriptor& layer) {
    if (layer.mediaType == SoloLayer) {
        const bool istio = manifest.layers.size() == 2 && manifest.mediaType != media::DockerManifest;
        return istio ? "istio-oci" : "solo-single";
    }
    if (layer.mediaType == media::Wasm) return "cncf";
    if (layer.mediaType == WasmToOciLayer) return "wasm-to-oci";
    if (layer.mediaType == RunwasiLayer) return "runwasi";
    return "raw";
}

std::string compatLayout(const Manifest& manifest, const Descriptor& layer) {
    if (!isLast(manifest, layer)) return {};
    if (manifest.mediaType == media::DockerManifest) return layer.mediaType == DockerTarGzip ? "compat-docker" : "";
    return layer.mediaType == OciTarGzip ? "compat-oci" : "";
}

bool isForeign(const Descriptor& layer) {
    return layer.foreign || layer.mediaType.find(".nondistributable.") != std::string::npos ||
           layer.mediaType.find(".foreign.") != std::string::npos;
}

bool isSpin(const Manifest& manifest) {
    if (manifest.config.mediaType == SpinConfig || manifest.artifactType == SpinConfig) return true;
    return std::any_of(manifest.layers.begin(), manifest.layers.end(),
                       [](const Descriptor& layer) { return layer.mediaType == SpinConfig; });
}

bool hasImageConfig(const Manifest& manifest) {
    return !manifest.config.digest.empty() &&
           (manifest.config.mediaType == "application/vnd.oci.image.config.v1+json" ||
            manifest.config.mediaType == "application/vnd.docker.container.image.v1+json");
}

} // namespace wasmproxy::host
