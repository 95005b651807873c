// SPDX-License-Identifier: Apache-2.0
// An artifact of hostile layers. The first byte chooses media types, the second the number of layers, which share the
// rest; seeds are plain archives behind two bytes. Oracle: bounded output that begins like a core module, or
// ModuleUnusable.
#include "wasm/ModuleFinder.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/MediaType.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace wasmproxy;

namespace {

class Piece : public Blob {
public:
    explicit Piece(std::string bytes) : _bytes(std::move(bytes)) {}
    std::uint64_t size() const noexcept override { return _bytes.size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return offset < _bytes.size() ? _bytes.copy(buffer, size, static_cast<std::size_t>(offset)) : 0;
    }

private:
    std::string _bytes;
};

const char* const Types[] = {"application/vnd.oci.image.layer.v1.tar+gzip",
                             "application/vnd.docker.image.rootfs.diff.tar.gzip",
                             "application/vnd.oci.image.layer.v1.tar+zstd",
                             "application/wasm",
                             "application/octet-stream",
                             "application/vnd.module.wasm.content.layer.v1+wasm",
                             "text/plain"};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t layers = data[1] % 3 + 1;
    const std::string rest(reinterpret_cast<const char*>(data + 2), size - 2);
    const std::size_t share = rest.size() / layers;

    Manifest manifest;
    manifest.mediaType = data[0] & 0x80 ? media::DockerManifest : media::OciManifest;
    manifest.config.mediaType = "application/vnd.oci.image.config.v1+json";
    manifest.config.digest = Digest::of("config");
    for (std::size_t i = 0; i < layers; ++i) {
        Descriptor layer;
        layer.mediaType = Types[(data[0] & 0x7f) % std::size(Types)];
        layer.digest = Digest::of(std::to_string(i));
        layer.size = share;
        manifest.layers.push_back(layer);
    }
    host::ModuleLimits limits;
    limits.moduleBytes = 1 << 20;
    limits.archiveBytes = 4 << 20;
    limits.entries = 500;
    limits.nameBytes = 64 << 10;
    limits.configBytes = 4096;

    std::string module;
    const auto open = [&](const Descriptor& descriptor) -> std::unique_ptr<Blob> {
        if (descriptor.digest == manifest.config.digest)
            return std::make_unique<Piece>(rest.find('{') == std::string::npos ? R"({"config":{"Cmd":["a/b.wasm"]}})"
                                                                               : rest.substr(rest.find('{')));
        for (std::size_t i = 0; i < layers; ++i)
            if (manifest.layers[i].digest == descriptor.digest)
                return std::make_unique<Piece>(rest.substr(i * share, i + 1 == layers ? std::string::npos : share));
        std::abort();
    };
    try {
        const auto found = host::findModule(
            manifest, open, [&](const char* bytes, std::size_t count) { module.append(bytes, count); }, limits);
        if (found.size != module.size() || found.layout.empty() || found.layer.empty()) std::abort();
    } catch (const Error& error) {
        if (error.code() != ErrorCode::ModuleUnusable) std::abort();
        for (const char* c = error.what(); *c; ++c)
            if (*c < 0x20 || *c > 0x7e) std::abort();
    }
    if (module.size() > limits.moduleBytes) std::abort();
    if (!module.empty() && (module.size() < 8 || std::memcmp(module.data(), "\0asm\1\0\0\0", 8) != 0)) std::abort();
    return 0;
}
