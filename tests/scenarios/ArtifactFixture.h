// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Rig.h"

#include <cppunit/extensions/HelperMacros.h>

namespace wasmproxy::test {

/// Media types of artifacts in use.
namespace type {
inline constexpr const char* DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr const char* DockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr const char* DockerTarGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr const char* OciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* OciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* OciTar = "application/vnd.oci.image.layer.v1.tar";
inline constexpr const char* OciTarGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr const char* OciTarZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr const char* Solo = "application/vnd.module.wasm.content.layer.v1+wasm";
inline constexpr const char* Wasm = "application/wasm";
inline constexpr const char* WasmConfig = "application/vnd.wasm.config.v0+json";
inline constexpr const char* WasmToOci = "application/vnd.wasm.content.layer.v1+wasm";
inline constexpr const char* WasmToOciConfig = "application/vnd.wasm.config.v1+json";
inline constexpr const char* Runwasi = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
inline constexpr const char* SpinConfig = "application/vnd.fermyon.spin.application.v1+config";
inline constexpr const char* UnknownConfig = "application/vnd.unknown.config.v1+json";
inline constexpr const char* Title = "org.opencontainers.image.title";
} // namespace type

ImageContent artifact(const std::string& configType, const std::vector<ImageContent::Layer>& layers,
                      const std::string& config = "{}");
/// With Docker's own media types.
ImageContent dockerImage(const std::vector<ImageContent::Layer>& layers);
std::string tarWith(const std::string& path, const std::string& bytes);
/// An image that istio-agent takes, too: plugin.wasm in a tar+gzip.
ImageContent compat(const std::string& module);

/// A registry, a proxy before it, and artifacts that are pushed by skopeo and then served or refused.
class ArtifactFixture : public CppUnit::TestFixture {
public:
    void setUp() override;
    void tearDown() override;

protected:
    std::string host() const { return _upstream->registry.host(); }
    std::string newName() { return "team/artifact" + std::to_string(++_count) + ":v1"; }
    std::string reference() const { return host() + "/team/artifact" + std::to_string(_count) + ":v1"; } ///< the last
    std::string nextModule() const { return uniqueModule("module " + std::to_string(_count + 1), 20000); }
    void restart(const Proxy::Options& options);

    /// Pushes what `make` makes of a new module: by /fetch/ and by an agent exactly that module comes.
    template <class Make>
    void served(const std::string& layout, const Make& make) {
        const auto module = nextModule();
        const auto digest = _upstream->push(newName(), make(module));
        checkServed(layout, module, digest, digest);
    }
    /// The same for an index, of whose children the one at `chosen` has the module.
    template <class Make>
    void servedIndex(const std::string& layout, const char* mediaType, std::size_t chosen, const Make& make) {
        const auto module = nextModule();
        const auto index = pushIndex(make(module), mediaType);
        checkServed(layout, module, index.digest, index.manifests.at(chosen).digest);
    }
    WrittenManifest pushIndex(const std::vector<ChildImage>& children, const char* mediaType = type::OciIndex);
    void checkServed(const std::string& layout, const std::string& module, const std::string& digest,
                     const std::string& selected);

    /// Pushed, and answered with 422 and a message that has all the words.
    void refused(const std::vector<std::string>& words, const ImageContent& image);
    void checkRefused(const std::vector<std::string>& words);

    std::unique_ptr<PrivateRegistry> _upstream;
    std::unique_ptr<Proxy> _proxy;

private:
    int _count = 0;
};

} // namespace wasmproxy::test
