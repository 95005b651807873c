// SPDX-License-Identifier: Apache-2.0
// Archives as people and attackers build them.
#include "Artifact.h"

using namespace wasmproxy;
using namespace wasmproxy::host;

class ArchiveTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ArchiveTest);
    CPPUNIT_TEST(formats);
    CPPUNIT_TEST(largeModule);
    CPPUNIT_TEST(row21Names);
    CPPUNIT_TEST(namesThatCount);
    CPPUNIT_TEST(row21LongNames);
    CPPUNIT_TEST(onlyRegularFiles);
    CPPUNIT_TEST(linksAreNotFollowed);
    CPPUNIT_TEST(severalPlugins);
    CPPUNIT_TEST(row21Whiteouts);
    CPPUNIT_TEST(opaque);
    CPPUNIT_TEST(replacedAbove);
    CPPUNIT_TEST(whiteoutsAreForLowerLayers);
    CPPUNIT_TEST(row21MultiMemberGzip);
    CPPUNIT_TEST(row21MultiFrameZstd);
    CPPUNIT_TEST(trailingGarbage);
    CPPUNIT_TEST(truncated);
    CPPUNIT_TEST(flippedBytes);
    CPPUNIT_TEST(sparse);
    CPPUNIT_TEST(emptyOnes);
    CPPUNIT_TEST_SUITE_END();

    const std::string _module = coreModule(20000);

    static Artifact image(const std::vector<std::string>& tars) {
        Artifact artifact;
        for (const auto& tar : tars)
            artifact.layer(type::OciTarGzip, gzip(tar));
        return artifact;
    }

    void formats() {
        for (const char* format : {"pax", "gnutar", "ustar", "v7tar"}) {
            const std::string tar =
                ArchiveBuilder(format).file("a/b", "x").file("plugin.wasm", _module).file("z", "y").tar();
            for (const auto& bytes : {tar, gzip(tar), zstd(tar), gzip(gzip(tar)), zstd(gzip(tar)), gzip(zstd(tar))}) {
                Artifact artifact;
                artifact.layer(type::OciTar, bytes);
                assertFound(artifact, "image-plugin", "plugin.wasm", _module);
            }
        }
    }
    void largeModule() {
        const std::string module = coreModule(12u << 20);
        Artifact artifact = image({ArchiveBuilder().file("plugin.wasm", module).tar()});
        assertFound(artifact, "compat-oci", "plugin.wasm", module);
        artifact.limits.moduleBytes = module.size();
        assertFound(artifact, "compat-oci", "plugin.wasm", module);
        artifact.limits.moduleBytes = module.size() - 1;
        assertContains("larger than", artifact.refusal());
        CPPUNIT_ASSERT(artifact.module.size() <= artifact.limits.moduleBytes);
        Artifact raw;
        raw.limits.moduleBytes = 1000;
        raw.layer(media::Wasm, coreModule(1001));
        assertContains("larger than 1000 bytes", raw.refusal());
        CPPUNIT_ASSERT(raw.module.empty());
    }
    void row21Names() {
        for (const char* name : {"plugin.wasm", "./plugin.wasm", "/plugin.wasm", "././/plugin.wasm", "//plugin.wasm"}) {
            Artifact artifact = image({ArchiveBuilder().file(name, _module).tar()});
            assertFound(artifact, "compat-oci", "plugin.wasm", _module);
        }
        Artifact deep = image({ArchiveBuilder().file("/a/b/plugin.wasm", _module).tar()});
        assertFound(deep, "compat-oci", "a/b/plugin.wasm", _module);
    }
    void namesThatCount() {
        for (const char* name : {"../plugin.wasm", "a/../plugin.wasm", "a/..", "plugin.wasm.txt", "Plugin.wasm",
                                 "xplugin.wasm/y", ".wasm"}) {
            Artifact artifact = image({ArchiveBuilder().file(name, coreModule()).tar()});
            if (std::string(name) == "Plugin.wasm")
                assertFound(artifact, "image-sole-wasm", "Plugin.wasm", coreModule());
            else
                assertContains("no module", artifact.refusal());
        }
        Artifact both =
            image({ArchiveBuilder().file("../plugin.wasm", coreModule()).file("plugin.wasm", _module).tar()});
        assertFound(both, "compat-oci", "plugin.wasm", _module);
        Artifact strange = image({ArchiveBuilder().file("caf\xc3\xa9/\xff/plugin.wasm", _module).tar()});
        assertFound(strange, "compat-oci", "caf\xc3\xa9/\xff/plugin.wasm", _module);
    }
    void row21LongNames() {
        for (const char* format : {"pax", "gnutar"}) {
            const std::string folder = std::string(150, 'd') + "/" + std::string(200, 'e') + "/\xc3\xa9/";
            Artifact artifact = image({ArchiveBuilder(format).file(folder + "plugin.wasm", _module).tar()});
            assertFound(artifact, "compat-oci", folder + "plugin.wasm", _module);
            std::string deep;
            for (int i = 0; i < 200; ++i)
                deep += "d/";
            Artifact tooDeep = image({ArchiveBuilder(format).file(deep + "plugin.wasm", _module).tar()});
            assertContains("no module", tooDeep.refusal());
        }
    }
    void onlyRegularFiles() {
        Artifact directory = image({ArchiveBuilder().directory("plugin.wasm").file("plugin.wasm/x", "y").tar()});
        assertContains("no module", directory.refusal());
        Artifact device = image({ArchiveBuilder().device("plugin.wasm").tar()});
        assertContains("no module", device.refusal());
        Artifact inside =
            image({ArchiveBuilder().directory("plugin.wasm").file("plugin.wasm/plugin.wasm", _module).tar()});
        assertFound(inside, "compat-oci", "plugin.wasm/plugin.wasm", _module);
    }
    void linksAreNotFollowed() {
        Artifact hard = image({ArchiveBuilder().file("app/x", _module).hardLink("plugin.wasm", "app/x").tar()});
        assertContains("a hard link to app/x", hard.refusal());
        Artifact symbolic = image({ArchiveBuilder().symbolicLink("plugin.wasm", "/etc/passwd").tar()});
        assertContains("a symbolic link to /etc/passwd", symbolic.refusal());
        Artifact other = image({ArchiveBuilder().symbolicLink("a.wasm", "/x").tar()});
        assertContains("links are not followed (a.wasm)", other.refusal());
        Artifact real = image(
            {ArchiveBuilder().symbolicLink("plugin.wasm", "app/plugin.wasm").file("app/plugin.wasm", _module).tar()});
        assertFound(real, "compat-oci", "app/plugin.wasm", _module);
        // An upper link hides the lower file: a container would see the link.
        Artifact hidden = image({ArchiveBuilder().file("plugin.wasm", _module).tar(),
                                 ArchiveBuilder().symbolicLink("plugin.wasm", "x").tar()});
        assertContains("symbolic link", hidden.refusal());
    }
    void severalPlugins() {
        Artifact root = image({ArchiveBuilder()
                                   .file("a/plugin.wasm", coreModule(30))
                                   .file("plugin.wasm", _module)
                                   .file("b/plugin.wasm", coreModule(31))
                                   .tar()});
        assertFound(root, "compat-oci", "plugin.wasm", _module);
        Artifact none = image({ArchiveBuilder().file("a/plugin.wasm", _module).file("b/plugin.wasm", _module).tar()});
        assertContains("a/plugin.wasm, b/plugin.wasm", none.refusal());
        Artifact twice =
            image({ArchiveBuilder().file("plugin.wasm", _module).file("./plugin.wasm", coreModule(9 + 30)).tar()});
        assertContains("more than once", twice.refusal());
        Artifact upper = image({ArchiveBuilder().file("plugin.wasm", coreModule(30)).tar(),
                                ArchiveBuilder().file("a/plugin.wasm", _module).tar()});
        assertFound(upper, "compat-oci", "a/plugin.wasm", _module);
    }
    void row21Whiteouts() {
        const std::string low =
            ArchiveBuilder().file("plugin.wasm", _module).file("app/plugin.wasm", coreModule(40)).tar();
        Artifact gone = image({low, ArchiveBuilder().file(".wh.plugin.wasm", "").tar()});
        assertFound(gone, "image-plugin", "app/plugin.wasm", coreModule(40));
        Artifact folderGone = image({low, ArchiveBuilder().file("./.wh.app", "").tar()});
        assertFound(folderGone, "image-plugin", "plugin.wasm", _module);
        Artifact all = image(
            {low, ArchiveBuilder().file(".wh.plugin.wasm", "").tar(), ArchiveBuilder().file(".wh.app", "").tar()});
        assertContains("no module", all.refusal());
        Artifact notes = image({low, ArchiveBuilder().file(".wh..wh.plnk", "").file("app/.wh.plugin.wasm", "").tar()});
        assertFound(notes, "image-plugin", "plugin.wasm", _module);
    }
    void opaque() {
        const std::string low = ArchiveBuilder().file("app/deep/plugin.wasm", _module).tar();
        for (const char* name : {"app/.wh..wh..opq", ".wh..wh..opq", "app/deep/.wh..wh..opq"}) {
            Artifact artifact = image({low, ArchiveBuilder().file(name, "").tar()});
            assertContains("no module", artifact.refusal());
        }
        Artifact elsewhere = image({low, ArchiveBuilder().file("ap/.wh..wh..opq", "").tar()});
        assertFound(elsewhere, "image-plugin", "app/deep/plugin.wasm", _module);
    }
    void replacedAbove() {
        const std::string low = ArchiveBuilder().file("app/plugin.wasm", _module).tar();
        const std::string fileThere = ArchiveBuilder().file("app", "now a file").tar();
        const std::string folderAgain = ArchiveBuilder().directory("app").tar();
        Artifact byFile = image({low, fileThere});
        assertContains("no module", byFile.refusal());
        Artifact byFolderAgain = image({low, fileThere, folderAgain});
        assertContains("no module", byFolderAgain.refusal());
        Artifact folderOnly = image({low, folderAgain});
        assertFound(folderOnly, "image-plugin", "app/plugin.wasm", _module);
        Artifact byFolder = image({low, ArchiveBuilder().directory("app/plugin.wasm").tar()});
        assertContains("no module", byFolder.refusal());
    }
    void whiteoutsAreForLowerLayers() {
        for (const char* whiteout : {".wh.plugin.wasm", ".wh..wh..opq"}) {
            for (const bool before : {true, false}) {
                ArchiveBuilder builder;
                if (before) builder.file(whiteout, "");
                builder.file("plugin.wasm", _module);
                if (!before) builder.file(whiteout, "");
                Artifact artifact = image({ArchiveBuilder().file("plugin.wasm", coreModule(40)).tar(), builder.tar()});
                assertFound(artifact, "compat-oci", "plugin.wasm", _module);
            }
        }
    }
    void row21MultiMemberGzip() {
        const std::string tar = ArchiveBuilder().file("a", std::string(3000, 'a')).file("plugin.wasm", _module).tar();
        for (const std::size_t cut : {std::size_t(1), std::size_t(512), std::size_t(9000), tar.size() - 1}) {
            Artifact artifact;
            artifact.layer(type::OciTarGzip, gzip(tar.substr(0, cut)) + gzip("") + gzip(tar.substr(cut)));
            assertFound(artifact, "compat-oci", "plugin.wasm", _module);
        }
        Artifact raw;
        raw.layer(media::Wasm, gzip(_module.substr(0, 3)) + gzip(_module.substr(3, 7000)) + gzip(_module.substr(7003)));
        assertFound(raw, "cncf", "", _module);
    }
    void row21MultiFrameZstd() {
        const std::string skippable = std::string("\x50\x2a\x4d\x18\x05\0\0\0", 8) + "12345";
        const std::string tar = ArchiveBuilder().file("plugin.wasm", _module).tar();
        for (const std::size_t cut : {std::size_t(1), std::size_t(9000)}) {
            Artifact artifact;
            artifact.layer(type::OciTarZstd,
                           skippable + zstd(tar.substr(0, cut)) + skippable + zstd(tar.substr(cut)) + skippable);
            assertFound(artifact, "image-plugin", "plugin.wasm", _module);
        }
    }
    void trailingGarbage() {
        const std::string tar = ArchiveBuilder().file("plugin.wasm", _module).tar();
        for (const auto& bytes :
             {gzip(tar + std::string(5000, 'x')), gzip(tar) + std::string(300, '\0'), gzip(tar) + "junk",
              tar + ArchiveBuilder().file("plugin.wasm", "second archive").tar()}) {
            Artifact artifact;
            artifact.layer(type::OciTarGzip, bytes);
            CPPUNIT_ASSERT_EQUAL(std::string("plugin.wasm"), artifact.find().entry);
            CPPUNIT_ASSERT(artifact.module == _module);
        }
    }
    void truncated() {
        const std::string tar = ArchiveBuilder().file("a", std::string(700, 'a')).file("plugin.wasm", _module).tar();
        const std::size_t moduleEnd = tar.find(_module) + _module.size();
        for (const auto& [whole, must] : {std::pair(tar, moduleEnd), std::pair(gzip(tar), gzip(tar).size() - 60),
                                          std::pair(zstd(tar), zstd(tar).size() - 40)}) {
            for (std::size_t size = 0; size < whole.size(); size += 1 + size / 150) {
                Artifact artifact;
                artifact.layer(type::OciTarGzip, whole.substr(0, size));
                try {
                    artifact.find();
                    CPPUNIT_ASSERT_MESSAGE("taken at " + std::to_string(size), size >= must);
                    CPPUNIT_ASSERT(artifact.module == _module);
                } catch (const Error& error) {
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(error.what(), int(ErrorCode::ModuleUnusable), int(error.code()));
                }
            }
        }
        Artifact words;
        words.layer(type::OciTarGzip, gzip(tar).substr(0, 5000));
        assertContains("truncated gzip", words.refusal());
        assertContains(words.manifest.layers[0].digest.str(), words.refusal());
    }
    void flippedBytes() {
        for (const auto& whole : {gzip(ArchiveBuilder("gnutar").file("plugin.wasm", coreModule(600)).tar()),
                                  ArchiveBuilder().file("x\xc3\xa9/plugin.wasm", coreModule(600)).tar(),
                                  zstd(ArchiveBuilder().file("plugin.wasm", coreModule(600)).tar())}) {
            const std::size_t step = 1 + whole.size() / 1200;
            for (std::size_t at = 0; at < whole.size(); at += step) {
                std::string bytes = whole;
                bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
                Artifact artifact;
                artifact.layer(type::OciTarGzip, bytes);
                try {
                    artifact.find();
                    CPPUNIT_ASSERT(artifact.module.substr(0, 8) == coreModule());
                } catch (const Error& error) {
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(error.what(), int(ErrorCode::ModuleUnusable), int(error.code()));
                }
            }
        }
    }
    void sparse() {
        Artifact artifact = image({ArchiveBuilder().sparse("plugin.wasm", _module, 100000).tar()});
        assertFound(artifact, "compat-oci", "plugin.wasm", _module + std::string(100000 - _module.size(), '\0'));
        Artifact bomb = image({ArchiveBuilder().sparse("plugin.wasm", _module, std::int64_t(1) << 40).tar()});
        bomb.limits.moduleBytes = 1 << 20;
        assertContains("larger than 1048576 bytes", bomb.refusal());
        // A hole in a file that nobody wants costs nothing.
        Artifact beside =
            image({ArchiveBuilder().sparse("hole", "x", std::int64_t(1) << 40).file("plugin.wasm", _module).tar()});
        assertFound(beside, "compat-oci", "plugin.wasm", _module);
    }
    void emptyOnes() {
        for (const auto& bytes :
             {std::string(), gzip(""), zstd(""), gzip(ArchiveBuilder().tar()), std::string(10240, '\0'),
              std::string("\x1f\x8b\x08", 3), std::string("\x28\xb5\x2f\xfd", 4), gzip(gzip(""))}) {
            Artifact artifact;
            artifact.layer(type::OciTarGzip, bytes);
            CPPUNIT_ASSERT(!artifact.refusal().empty());
            Artifact below;
            below.layer(type::OciTarGzip, gzip(ArchiveBuilder().file("plugin.wasm", _module).tar()));
            if (bytes.size() > 4) {
                below.layer(type::OciTarGzip, bytes);
                assertFound(below, "image-plugin", "plugin.wasm", _module);
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ArchiveTest);
