// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Manifest.h"
#include "wasmproxy/plugin/CacheStore.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace wasmproxy::host {

/// Bounds on what an artifact may cost us to unpack. They hold while bytes stream, whatever an archive says of itself.
struct ModuleLimits {
    std::uint64_t moduleBytes = 256u << 20;   ///< of the module, uncompressed
    std::uint64_t archiveBytes = 1024u << 20; ///< of all that is unpacked while searching; extracting may cost it again
    std::uint64_t entries = 100000;           ///< of all archives that are searched
    std::uint64_t nameBytes = 16u << 20;      ///< of the names of those entries
    unsigned ratio = 1000;                    ///< unpacked : packed, once past 1 MiB
    unsigned layers = 128;                    ///< that are searched
    std::uint64_t configBytes = 1u << 20;
};

/// Where a module was found.
struct FoundModule {
    /// "compat-docker", "compat-oci" and "istio-oci" (the three that istio-agent takes as they are), "solo-single" (one
    /// solo layer, but not Istio's two layers), "cncf", "wasm-to-oci", "runwasi", "image-entrypoint", "image-plugin",
    /// "image-sole-wasm", "raw".
    std::string layout;
    Digest layer; ///< the layer it came from
    std::string
        entry; ///< its path in that layer, without leading `/` or `./`; empty where the layer is the module itself
    std::uint64_t size = 0;
};

/// The child of an ImageIndex that holds the module: the one for architecture wasm (wasi before wasip1, js and others),
/// else linux/amd64, else one without platform, else wasip2/wasm (a component, to be refused as such), else the only
/// one; attestations (`unknown/unknown`, annotation vnd.docker.reference.type) are never taken. Throws
/// Error{ModuleUnusable} that lists what there was. Pure.
const Descriptor& chooseChild(const ImageIndex& index);

/// Opens the verified content of a descriptor of this manifest (pulls it if need be). May be called twice for one
/// layer.
using ContentOpener = std::function<std::unique_ptr<Blob>(const Descriptor&)>;
/// Takes the module's bytes in order.
using ModuleSink = std::function<void(const char* bytes, std::size_t size)>;

/// Finds the module in an artifact and writes its bytes to `sink`. The order of detection: (1) a layer whose media type
/// says it is wasm (several: refused, named); (2) `plugin.wasm` by base name in a tar layer, last layer first, a
/// whiteout hiding lower layers; (3) the path of the config's Entrypoint or Cmd; (4) the only `*.wasm` file; (5) a
/// single layer of unknown type whose bytes are a module. Labels may lie: gzip, zstd and tar are recognised by their
/// bytes. Only layers that must be looked into are opened. The magic and the core version are checked (a component is
/// refused as such) before the first byte goes to `sink`; an archive that breaks off inside the module's entry throws
/// after some bytes. Throws Error{ModuleUnusable} with the reason; what `open` and `sink` throw passes through.
/// Thread-safe.
FoundModule findModule(const Manifest& manifest, const ContentOpener& open, const ModuleSink& sink,
                       const ModuleLimits& limits);

} // namespace wasmproxy::host
