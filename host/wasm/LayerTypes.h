// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Manifest.h"

#include <string>
#include <string_view>

namespace wasmproxy::host {

/// What a media type promises of a layer.
enum class LayerPromise {
    Wasm,    ///< the module itself
    Archive, ///< a tar of files
    Unknown, ///< says nothing (`application/octet-stream`, nothing, a bare compression)
    Other    ///< something else (documentation, a signature)
};

LayerPromise promiseOf(const Descriptor& layer);

/// The layout of an artifact whose layer `layer` promises Wasm.
std::string wasmLayout(const Manifest& manifest, const Descriptor& layer);

/// Whether istio-agent, too, would look for plugin.wasm in that layer: "compat-docker", "compat-oci", or empty.
std::string compatLayout(const Manifest& manifest, const Descriptor& layer);

/// Content that lives elsewhere by its author's word.
bool isForeign(const Descriptor& layer);
bool isSpin(const Manifest& manifest);
/// Whether the config is one that has Entrypoint and Cmd.
bool hasImageConfig(const Manifest& manifest);

} // namespace wasmproxy::host
