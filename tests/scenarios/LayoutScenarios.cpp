// SPDX-License-Identifier: Apache-2.0
// Every layout of artifact in use: pushed into a real registry, and served as the module that is in it.
#include "ArtifactFixture.h"

#include "host/wasm/ArchiveBuilder.h"

using namespace wasmproxy::test;
using namespace wasmproxy::test::type;
using wasmproxy::host::ArchiveBuilder;
using wasmproxy::host::coreModule;
using wasmproxy::host::gzip;
using wasmproxy::host::zstd;
using Layer = ImageContent::Layer;

namespace {

/// What buildx adds to an index.
ChildImage attestation() {
    return {artifact(OciConfig, {{"application/vnd.in-toto+json", R"({"_type":"statement"})"}}), "unknown", "unknown"};
}

} // namespace

class LayoutScenarios : public ArtifactFixture {
    CPPUNIT_TEST_SUITE(LayoutScenarios);
    CPPUNIT_TEST(layoutsThatIstioKnows);
    CPPUNIT_TEST(layoutsOfOneLayer);
    CPPUNIT_TEST(imagesThatHoldAModule);
    CPPUNIT_TEST(upperLayersHideLowerOnes);
    CPPUNIT_TEST(indexesOfImages);
    CPPUNIT_TEST_SUITE_END();

    void layoutsThatIstioKnows() {
        served("compat-docker", [](const auto& module) {
            return dockerImage({{DockerTarGzip, gzip(tarWith("plugin.wasm", module))}});
        });
        served("compat-docker", [](const auto& module) { // the last layer counts
            return dockerImage({{DockerTarGzip, gzip(tarWith("etc/hosts", "x"))},
                                {DockerTarGzip, gzip(tarWith("./plugin.wasm", module))}});
        });
        served("compat-oci", compat);
        served("istio-oci", istioArtifact);
        const Layer doc{"application/vnd.module.wasm.doc.v1+markdown", "# Higress"};
        const Layer spec{"application/vnd.module.wasm.spec.v1+yaml", "a: b"};
        served("compat-oci", [&](const auto& module) {
            return artifact(UnknownConfig, {doc, spec, {OciTarGzip, gzip(tarWith("plugin.wasm", module))}});
        });
    }

    void layoutsOfOneLayer() {
        served("solo-single", [](const auto& module) { return artifact(OciConfig, {{Solo, module}}); });
        served("cncf", [](const auto& module) {
            return artifact(WasmConfig, {{Wasm, module}},
                            R"({"architecture":"wasm","os":"wasip1","layerDigests":["sha256:)" + sha256Hex(module) +
                                R"("]})");
        });
        served("wasm-to-oci", [](const auto& module) { return artifact(WasmToOciConfig, {{WasmToOci, module}}); });
        served("runwasi", [](const auto& module) { return artifact(OciConfig, {{Runwasi, module}}); });
        served("raw", [](const auto& module) { // `oras push` without a type
            return artifact(UnknownConfig, {{OciTar, module, {{Title, "filter.wasm"}}}});
        });
        served("cncf", [](const auto& module) { return artifact(WasmConfig, {{Wasm, gzip(module)}}); });
    }

    void imagesThatHoldAModule() {
        served("image-plugin", [](const auto& module) {
            return artifact(OciConfig, {{OciTarZstd, zstd(tarWith("plugin.wasm", module))}});
        });
        served("image-plugin", [](const auto& module) {
            return artifact(OciConfig, {{OciTar, tarWith("plugin.wasm", module)}});
        });
        served("image-entrypoint", [](const auto& module) {
            const auto tar = ArchiveBuilder().file("app/filter.wasm", module).file("app/x.wasm", coreModule()).tar();
            return artifact(OciConfig, {{OciTarGzip, gzip(tar)}},
                            R"({"architecture":"wasm","os":"wasi","config":{"Entrypoint":["/app/filter.wasm"]}})");
        });
        served("image-sole-wasm", [](const auto& module) { // FROM scratch, COPY filter.wasm /
            const auto tar = ArchiveBuilder().file("filter.wasm", module).file("LICENSE", "x").tar();
            return artifact(OciConfig, {{OciTarGzip, gzip(tar)}}, R"({"architecture":"amd64","os":"linux"})");
        });
    }

    void upperLayersHideLowerOnes() {
        const Layer old{OciTarGzip, gzip(tarWith("plugin.wasm", coreModule(999)))};
        served("image-sole-wasm", [&](const auto& module) {
            const auto tar = ArchiveBuilder().file(".wh.plugin.wasm", "").file("app/filter.wasm", module).tar();
            return artifact(OciConfig, {old, {OciTarGzip, gzip(tar)}});
        });
        served("compat-oci", [&](const auto& module) {
            return artifact(OciConfig, {old, {OciTarGzip, gzip(tarWith("plugin.wasm", module))}});
        });
        served("image-plugin", [&](const auto& module) { // two directories of the lower layer are emptied
            const auto lower =
                ArchiveBuilder().file("a/x.wasm", coreModule()).file("b/plugin.wasm", coreModule()).tar();
            const auto upper = ArchiveBuilder().file("a/.wh..wh..opq", "").file("b/.wh..wh..opq", "").tar();
            return artifact(OciConfig, {{OciTarGzip, gzip(tarWith("plugin.wasm", module))},
                                        {OciTarGzip, gzip(lower)},
                                        {OciTarGzip, gzip(upper)}});
        });
        refused({"no module"}, artifact(OciConfig, {old, {OciTarGzip, gzip(tarWith(".wh.plugin.wasm", ""))}}));
    }

    void indexesOfImages() {
        const auto wrong = compat(uniqueModule("of another platform"));
        servedIndex("compat-oci", OciIndex, 1, [&](const auto& module) {
            return std::vector<ChildImage>{attestation(), {compat(module), "linux", "amd64"}, attestation()};
        });
        servedIndex("solo-single", OciIndex, 1, [&](const auto& module) {
            return std::vector<ChildImage>{{wrong, "linux", "amd64"},
                                           {artifact(OciConfig, {{Solo, module}}), "wasi", "wasm"}};
        });
        servedIndex("compat-oci", OciIndex, 1, [&](const auto& module) {
            return std::vector<ChildImage>{{wrong, "linux", "arm64", "v8"}, {compat(module), "linux", "amd64"}};
        });
        servedIndex("compat-docker", DockerList, 0, [&](const auto& module) {
            const auto image = dockerImage({{DockerTarGzip, gzip(tarWith("plugin.wasm", module))}});
            return std::vector<ChildImage>{{image, "linux", "amd64"}};
        });
        // skopeo copies no index below an index.
        const auto module = nextModule();
        OciLayout layout(_upstream->folder / "nested");
        const auto inner = layout.addIndex({{wrong, "linux", "arm64"}, {compat(module), "linux", "amd64"}}, "inner");
        auto outer = layout.addManifest(R"({"schemaVersion":2,"mediaType":")" + std::string(OciIndex) +
                                            R"(","manifests":[{"mediaType":")" + OciIndex + R"(","digest":")" +
                                            inner.digest + R"(","size":)" + std::to_string(inner.bytes.size()) + "}]}",
                                        OciIndex, "outer");
        outer.manifests = {inner};
        _upstream->put(newName(), layout, outer);
        checkServed("compat-oci", module, outer.digest, inner.manifests.at(1).digest);

        pushIndex({{wrong, "linux", "s390x"}, {wrong, "linux", "arm64"}, attestation()});
        checkRefused({"linux/s390x, linux/arm64, an attestation"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LayoutScenarios);
