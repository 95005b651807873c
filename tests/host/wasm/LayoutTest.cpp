// SPDX-License-Identifier: Apache-2.0
// Every layout of artifact in use, and which child of an index is taken.
#include "Artifact.h"

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

std::string tarWith(const std::string& path, const std::string& module) {
    return ArchiveBuilder().file(path, module).tar();
}

} // namespace

class LayoutTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LayoutTest);
    CPPUNIT_TEST(compatDocker);
    CPPUNIT_TEST(compatOci);
    CPPUNIT_TEST(compatOnlyWhereIstioTakesItToo);
    CPPUNIT_TEST(soloInTwoLayersIsIstios);
    CPPUNIT_TEST(soloAlone);
    CPPUNIT_TEST(cncf);
    CPPUNIT_TEST(wasmToOci);
    CPPUNIT_TEST(runwasi);
    CPPUNIT_TEST(severalWasmLayersAreRefused);
    CPPUNIT_TEST(spinIsRefused);
    CPPUNIT_TEST(higress);
    CPPUNIT_TEST(orasPushesFilesAsTars);
    CPPUNIT_TEST(entrypoint);
    CPPUNIT_TEST(soleWasm);
    CPPUNIT_TEST(rawOfUnknownType);
    CPPUNIT_TEST(labelsLie);
    CPPUNIT_TEST(componentsAreRefused);
    CPPUNIT_TEST(otherContentIsDescribed);
    CPPUNIT_TEST(row22ASignatureIsNoModule);
    CPPUNIT_TEST(row23AnEnvelopeIsNoModule);
    CPPUNIT_TEST(foreignLayersAreNeverOpened);
    CPPUNIT_TEST(onlyNeededLayersAreOpened);
    CPPUNIT_TEST(whatOpenAndSinkThrowPasses);
    CPPUNIT_TEST(row17ChildOfIndex);
    CPPUNIT_TEST(childRefused);
    CPPUNIT_TEST_SUITE_END();

    const std::string _module = coreModule(3000);

    void compatDocker() {
        Artifact artifact;
        artifact.docker().layer(type::DockerTarGzip, gzip(tarWith("plugin.wasm", _module)));
        assertFound(artifact, "compat-docker", "plugin.wasm", _module);
        CPPUNIT_ASSERT(artifact.find().layer == artifact.manifest.layers[0].digest);
    }
    void compatOci() {
        Artifact artifact;
        artifact.config(type::OciConfig).layer(type::OciTarGzip, gzip(tarWith("./plugin.wasm", _module)));
        assertFound(artifact, "compat-oci", "plugin.wasm", _module);
    }
    void compatOnlyWhereIstioTakesItToo() {
        const std::string tar = tarWith("plugin.wasm", _module);
        for (const auto& [mediaType, bytes] :
             std::vector<std::pair<std::string, std::string>>{{type::OciTarZstd, zstd(tar)},
                                                              {type::OciTar, tar},
                                                              {type::OciTarGzip, tar},
                                                              {type::OciTarGzip, zstd(tar)}}) {
            Artifact artifact;
            artifact.layer(mediaType, bytes);
            assertFound(artifact, "image-plugin", "plugin.wasm", _module);
        }
        Artifact notLast;
        notLast.layer(type::OciTarGzip, gzip(tar)).layer(type::OciTarGzip, gzip(tarWith("etc/hosts", "x")));
        assertFound(notLast, "image-plugin", "plugin.wasm", _module);
        Artifact ociLayerInDocker;
        ociLayerInDocker.docker().layer(type::OciTarGzip, gzip(tar));
        assertFound(ociLayerInDocker, "image-plugin", "plugin.wasm", _module);
    }
    void soloInTwoLayersIsIstios() {
        Artifact artifact;
        artifact.layer(type::SoloConfig, "{\"type\":\"envoy_proxy\"}").layer(type::Solo, _module);
        assertFound(artifact, "istio-oci", "", _module);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), artifact.opened.size());
        Artifact reversed;
        reversed.layer(type::Solo, _module).layer(type::SoloConfig, "{}");
        assertFound(reversed, "istio-oci", "", _module);
    }
    void soloAlone() {
        Artifact artifact;
        artifact.layer(type::Solo, _module);
        assertFound(artifact, "solo-single", "", _module);
        artifact.layer("text/markdown", "# hello").layer("application/yaml", "a: b");
        assertFound(artifact, "solo-single", "", _module);
    }
    void cncf() {
        Artifact artifact;
        artifact.config("application/vnd.wasm.config.v0+json").layer(media::Wasm, _module);
        assertFound(artifact, "cncf", "", _module);
    }
    void wasmToOci() {
        Artifact artifact;
        artifact.config("application/vnd.wasm.config.v1+json").layer(type::WasmToOci, _module);
        assertFound(artifact, "wasm-to-oci", "", _module);
    }
    void runwasi() {
        Artifact artifact;
        artifact.config(type::OciConfig).layer(type::Runwasi, _module);
        assertFound(artifact, "runwasi", "", _module);
    }
    void severalWasmLayersAreRefused() {
        Artifact artifact;
        artifact.layer(media::Wasm, _module).layer(media::Wasm, coreModule(100));
        const std::string words = artifact.refusal();
        assertContains("several WebAssembly layers", words);
        assertContains(artifact.manifest.layers[0].digest.str(), words);
        assertContains(artifact.manifest.layers[1].digest.str(), words);
        CPPUNIT_ASSERT(artifact.opened.empty());
    }
    void spinIsRefused() {
        const char* spin = "application/vnd.fermyon.spin.application.v1+config";
        Artifact byConfig;
        byConfig.config(spin).layer(type::WasmToOci, _module);
        assertContains("Spin", byConfig.refusal());
        Artifact byLayer;
        byLayer.config(type::OciConfig).layer(spin, "{}").layer(type::WasmToOci, _module);
        assertContains("several components", byLayer.refusal());
        CPPUNIT_ASSERT(byLayer.opened.empty());
    }
    void higress() {
        Artifact artifact;
        artifact.config("application/vnd.unknown.config.v1+json")
            .layer("application/vnd.module.wasm.doc.v1+markdown", "# doc")
            .layer("application/vnd.module.wasm.spec.v1+yaml", "a: b")
            .layer(type::OciTarGzip, gzip(tarWith("plugin.wasm", _module)));
        assertFound(artifact, "compat-oci", "plugin.wasm", _module);
    }
    void orasPushesFilesAsTars() {
        Artifact artifact;
        artifact.layer(type::OciTar, "# readme").title("README.md").layer(type::OciTar, _module).title("filter.wasm");
        assertFound(artifact, "raw", "", _module);
        artifact.layer(type::OciTar, coreModule(77)).title("out/plugin.wasm");
        assertFound(artifact, "raw", "", coreModule(77));
        artifact.layer(type::OciTar, coreModule(78)).title("x.wasm");
        assertFound(artifact, "raw", "", coreModule(77));
        artifact.manifest.layers[2].annotations.clear();
        assertContains("several modules", artifact.refusal());
    }
    void entrypoint() {
        const std::string tar = ArchiveBuilder().file("app/a.wasm", coreModule(50)).file("app/run", _module).tar();
        Artifact artifact;
        artifact.layer(type::OciTarGzip, gzip(tar));
        artifact.config(type::OciConfig, R"({"config":{"Entrypoint":["/app/a.wasm","--x"]}})");
        assertFound(artifact, "image-entrypoint", "app/a.wasm", coreModule(50));
        artifact.config(type::OciConfig, R"({"config":{"Cmd":["run"],"WorkingDir":"/app","Entrypoint":null}})");
        assertFound(artifact, "image-entrypoint", "app/run", _module);
        artifact.config(type::OciConfig, R"({"config":{"Entrypoint":["./app/./run"]}})");
        assertFound(artifact, "image-entrypoint", "app/run", _module);
        // A shell, or something that is not there, leaves it to the sole .wasm file.
        for (const char* words : {R"(["/bin/sh","-c"])", R"(["../app/run"])", R"([])", R"([""])", R"(["gone.wasm"])"}) {
            artifact.config(type::OciConfig, std::string(R"({"config":{"Entrypoint":)") + words + "}}");
            assertFound(artifact, "image-sole-wasm", "app/a.wasm", coreModule(50));
        }
        artifact.config(type::OciConfig, R"({"config":{"Entrypoint":"/app/run"}})");
        assertContains("config", artifact.refusal());
        artifact.config(type::OciConfig, "<html>");
        assertContains("config", artifact.refusal());
        artifact.limits.configBytes = 10;
        artifact.config(type::OciConfig, "{            }");
        assertContains("larger than 10 bytes", artifact.refusal());
        // Only where the files leave a choice is a config opened.
        Artifact named;
        named.config(type::OciConfig, "<html>").layer(type::OciTarGzip, gzip(tarWith("plugin.wasm", _module)));
        assertFound(named, "compat-oci", "plugin.wasm", _module);
    }
    void soleWasm() {
        Artifact artifact;
        artifact.layer(type::OciTarGzip, gzip(tarWith("usr/hello.wasm", _module)))
            .layer(type::OciTarGzip, gzip(ArchiveBuilder().file("a.txt", "x").file("._hello.wasm", "mac").tar()));
        assertFound(artifact, "image-sole-wasm", "usr/hello.wasm", _module);
        artifact.layer(type::OciTarGzip, gzip(tarWith("other.wasm", coreModule(50))));
        const std::string words = artifact.refusal();
        assertContains("other.wasm, usr/hello.wasm", words);
    }
    void rawOfUnknownType() {
        for (const char* mediaType : {"application/octet-stream", "", "application/x-whatever", "text/plain"}) {
            for (const auto& bytes : {_module, gzip(_module), zstd(_module), gzip(zstd(_module))}) {
                Artifact artifact;
                artifact.layer(mediaType, bytes);
                assertFound(artifact, "raw", "", _module);
            }
            Artifact tar;
            tar.layer(mediaType, gzip(tarWith("plugin.wasm", _module)));
            assertFound(tar, "image-plugin", "plugin.wasm", _module);
        }
        Artifact two;
        two.layer("text/plain", _module).layer("text/plain", "x");
        assertContains("text/plain", two.refusal());
    }
    void labelsLie() {
        Artifact zipped;
        zipped.layer(media::Wasm, gzip(_module));
        assertFound(zipped, "cncf", "", _module);
        Artifact tarred;
        tarred.layer(media::Wasm, zstd(tarWith("x/only.wasm", _module)));
        assertFound(tarred, "image-sole-wasm", "x/only.wasm", _module);
    }
    void componentsAreRefused() {
        Artifact raw;
        raw.layer(media::Wasm, componentModule());
        assertContains("component", raw.refusal());
        assertContains("build a core module", raw.refusal());
        CPPUNIT_ASSERT(raw.module.empty());
        Artifact tarred;
        tarred.layer(type::OciTarGzip, gzip(tarWith("plugin.wasm", componentModule())));
        assertContains("component", tarred.refusal());
        assertContains("plugin.wasm", tarred.refusal());
        CPPUNIT_ASSERT(tarred.module.empty());
    }
    void otherContentIsDescribed() {
        const std::pair<std::string, const char*> cases[] = {
            {"<!DOCTYPE html><html>", "an HTML page"},
            {"\n <HTML>", "an HTML page"},
            {"{\"errors\":[]}", "a JSON document"},
            {"\x7f"
             "ELF\2\1",
             "an ELF binary"},
            {"PK\3\4xxxx", "a zip archive"},
            {"(module)", "WebAssembly text"},
            {"\x89PNG\r\n\x1a\nSECRET", "bytes 89 50 4e 47 0d 0a 1a 0a"},
            {"", "is empty"},
            {std::string("\0asm", 4), "ends inside"},
            {std::string("\0asm\2\0\0\0", 8), "bytes 02 00 00 00"},
            {std::string("\0as", 3), "bytes 00 61 73"},
        };
        for (const auto& [bytes, words] : cases) {
            Artifact wasm;
            wasm.layer(media::Wasm, bytes);
            assertContains(words, wasm.refusal());
            CPPUNIT_ASSERT(wasm.refusal().find("SECRET") == std::string::npos);
            CPPUNIT_ASSERT(wasm.module.empty());
            Artifact unknown;
            unknown.layer(media::OctetStream, bytes);
            assertContains(words, unknown.refusal());
        }
        Artifact nothing;
        assertContains("no layers", nothing.refusal());
        Artifact hostile;
        hostile.layer("evil\n\x1b[31mtype", "x");
        CPPUNIT_ASSERT(hostile.refusal().find_first_of("\n\x1b") == std::string::npos);
    }
    /// Signatures are not verified, so no payload is held against a digest; but the tag of one, sha256-<hex>.sig, can
    /// be asked for like any other.
    void row22ASignatureIsNoModule() {
        const std::string type = "application/vnd.dev.cosign.simplesigning.v1+json";
        const std::string payload =
            R"({"critical":{"identity":{"docker-reference":"reg.io/x"},"image":)"
            R"({"docker-manifest-digest":"sha256:00"},"type":"cosign container image signature"}})";
        Artifact one;
        one.config("application/vnd.oci.image.config.v1+json").layer(type, payload);
        assertContains("a JSON document", one.refusal());
        Artifact two;
        two.config("application/vnd.oci.image.config.v1+json").layer(type, payload).layer(type, payload + " ");
        assertContains(type, two.refusal());
        CPPUNIT_ASSERT(two.opened.empty() && two.module.empty());
    }
    /// Nor are attestations: an envelope is the same to us whatever its predicateType says.
    void row23AnEnvelopeIsNoModule() {
        const std::string envelope = R"({"payloadType":"application/vnd.in-toto+json","payload":"AGFzbQEAAAA=",)"
                                     R"("signatures":[{"sig":"AA=="}]})";
        for (const char* type : {"application/vnd.dsse.envelope.v1+json", "application/vnd.in-toto+json",
                                 "application/vnd.dev.sigstore.bundle.v0.3+json"}) {
            Artifact artifact;
            artifact.config("application/vnd.oci.empty.v1+json").layer(type, envelope);
            assertContains("a JSON document", artifact.refusal());
            CPPUNIT_ASSERT(artifact.module.empty());
        }
    }
    void foreignLayersAreNeverOpened() {
        Artifact raw;
        raw.layer(media::Wasm, _module);
        raw.manifest.layers[0].foreign = true;
        assertContains("foreign", raw.refusal());
        CPPUNIT_ASSERT(raw.opened.empty());
        Artifact below;
        below.layer(type::OciTarGzip, gzip(tarWith("base.txt", "x")))
            .layer(type::OciTarGzip, gzip(tarWith("plugin.wasm", _module)));
        below.manifest.layers[0].foreign = true;
        assertFound(below, "compat-oci", "plugin.wasm", _module);
        Artifact needed;
        needed.layer("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                     gzip(tarWith("plugin.wasm", _module)));
        assertContains("foreign", needed.refusal());
        CPPUNIT_ASSERT(needed.opened.empty());
    }
    void onlyNeededLayersAreOpened() {
        Artifact artifact;
        artifact.config(type::OciConfig, "{}");
        artifact.layer(type::OciTarGzip, gzip(tarWith("base", "x")))
            .layer(type::OciTarGzip, gzip(tarWith("plugin.wasm", _module)))
            .layer(type::OciTarGzip, gzip(tarWith("top", "x")));
        artifact.find();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), artifact.opened.size());
        CPPUNIT_ASSERT(artifact.opened[0] == artifact.manifest.layers[2].digest);
        CPPUNIT_ASSERT(artifact.opened[1] == artifact.manifest.layers[1].digest);
    }
    void whatOpenAndSinkThrowPasses() {
        Artifact artifact;
        artifact.layer(type::OciTarGzip, gzip(tarWith("plugin.wasm", _module)));
        try {
            findModule(
                artifact.manifest,
                [](const Descriptor&) -> std::unique_ptr<Blob> {
                    throw Error(ErrorCode::UpstreamUnavailable, "registry is gone");
                },
                [](const char*, std::size_t) {}, {});
            CPPUNIT_FAIL("nothing thrown");
        } catch (const Error& error) {
            CPPUNIT_ASSERT_EQUAL(int(ErrorCode::UpstreamUnavailable), int(error.code()));
        }
        class Broken : public Blob {
            std::uint64_t size() const noexcept override { return 1 << 20; }
            std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
                if (offset >= 8192) throw Error(ErrorCode::StorageFault, "disk is gone");
                static const std::string tar = ArchiveBuilder().file("plugin.wasm", coreModule(1 << 19)).tar();
                return tar.copy(buffer, std::min<std::size_t>(size, 4096), offset);
            }
        };
        for (const char* mediaType : {type::OciTar, media::OctetStream}) {
            artifact.manifest.layers[0].mediaType = mediaType;
            try {
                findModule(
                    artifact.manifest, [](const Descriptor&) { return std::make_unique<Broken>(); },
                    [](const char*, std::size_t) {}, {});
                CPPUNIT_FAIL("nothing thrown");
            } catch (const Error& error) {
                CPPUNIT_ASSERT_EQUAL(std::string("disk is gone"), std::string(error.what()));
            }
        }
    }

    static Descriptor child(const std::string& platform, const std::string& annotation = {}) {
        Descriptor descriptor;
        descriptor.mediaType = media::OciManifest;
        descriptor.digest = Digest::of(platform + annotation);
        const auto slash = platform.find('/');
        if (slash != std::string::npos)
            descriptor.platform = Platform{platform.substr(0, slash), platform.substr(slash + 1), ""};
        if (!annotation.empty()) descriptor.annotations["vnd.docker.reference.type"] = annotation;
        return descriptor;
    }
    static ImageIndex index(const std::vector<std::string>& platforms) {
        ImageIndex out;
        for (const auto& platform : platforms)
            out.manifests.push_back(child(platform));
        return out;
    }

    void row17ChildOfIndex() {
        const std::pair<std::vector<std::string>, std::size_t> cases[] = {
            {{"linux/arm64", "linux/amd64", "wasi/wasm"}, 2},
            {{"linux/amd64", "wasip1/wasm"}, 1},
            {{"wasip2/wasm", "wasip1/wasm"}, 1},
            {{"wasip2/wasm", "js/wasm"}, 1},
            {{"js/wasm", "wasip1/wasm", "wasi/wasm"}, 2},
            {{"wasi/wasm32", "linux/amd64"}, 0},
            {{"wasip2/wasm", "linux/amd64"}, 1},
            {{"wasip2/wasm", "linux/arm64"}, 0},
            {{"", "linux/amd64"}, 1},
            {{"linux/arm64", ""}, 1},
            {{"/", "linux/arm64"}, 0},
            {{"linux/arm64"}, 0},
            {{"unknown/unknown", "linux/s390x"}, 1},
            {{"unknown/unknown", "linux/amd64", "unknown/unknown"}, 1},
            {{"linux/amd64", "linux/amd64"}, 0},
        };
        for (const auto& [platforms, expected] : cases) {
            const ImageIndex value = index(platforms);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(platforms.front(), &value.manifests[expected], &chooseChild(value));
        }
        ImageIndex attested;
        attested.manifests = {child("", "attestation-manifest"), child("linux/arm64")};
        CPPUNIT_ASSERT(&attested.manifests[1] == &chooseChild(attested));
        attested.manifests[0] = child("");
        attested.manifests[0].mediaType = "application/vnd.example.blob";
        CPPUNIT_ASSERT(&attested.manifests[1] == &chooseChild(attested));
        attested.manifests[0].mediaType = media::OciIndex; // nested: the caller goes on
        CPPUNIT_ASSERT(&attested.manifests[0] == &chooseChild(attested));
    }
    void childRefused() {
        for (const auto& value : {index({"linux/arm64", "darwin/\n"}), index({}), index({"unknown/unknown"})}) {
            try {
                chooseChild(value);
                CPPUNIT_FAIL("one was taken");
            } catch (const Error& error) {
                CPPUNIT_ASSERT_EQUAL(int(ErrorCode::ModuleUnusable), int(error.code()));
                CPPUNIT_ASSERT(std::string(error.what()).find('\n') == std::string::npos);
                if (value.manifests.size() == 2) assertContains("linux/arm64, darwin/\\x0a", error.what());
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LayoutTest);
