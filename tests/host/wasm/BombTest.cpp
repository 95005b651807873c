// SPDX-License-Identifier: Apache-2.0
// What is built to exhaust us: it must be refused early and in little memory.
#include "Artifact.h"
#include "wasm/ZstdFrames.h"

#include <chrono>
#include <cstdio>
#include <fstream>

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

/// A header of an entry that claims `size` bytes (as base-256 past 8 GiB).
std::string tarHeader(const std::string& name, std::uint64_t size, char kind = '0') {
    std::string block(512, '\0');
    block.replace(0, name.size(), name);
    block.replace(100, 7, "0000644");
    block.replace(108, 7, "0000000");
    block.replace(116, 7, "0000000");
    if (size >> 33 == 0) {
        char octal[16];
        std::snprintf(octal, sizeof octal, "%011llo", static_cast<unsigned long long>(size));
        block.replace(124, 11, octal);
    } else {
        block[124] = static_cast<char>(0x80);
        for (int i = 0; i < 8; ++i)
            block[135 - i] = static_cast<char>(size >> 8 * i);
    }
    block.replace(136, 11, "00000000000");
    block[156] = kind;
    block.replace(257, 6, "ustar\0", 6);
    block.replace(263, 2, "00");
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    char octal[16];
    std::snprintf(octal, sizeof octal, "%06o", sum);
    block.replace(148, 6, octal);
    block[155] = ' ';
    return block;
}

long peakKiB() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.compare(0, 6, "VmHWM:") == 0) return std::stol(line.substr(6));
    return 0;
}

/// Runs `artifact` to its refusal and checks that it cost little.
std::string refusedCheaply(Artifact& artifact) {
    std::ofstream("/proc/self/clear_refs") << "5"; // the peak starts again from here
    const long before = peakKiB();
    const auto start = std::chrono::steady_clock::now();
    const std::string words = artifact.refusal();
    const auto took = std::chrono::steady_clock::now() - start;
    const long grown = peakKiB() - before;
    CPPUNIT_ASSERT_MESSAGE("grew by " + std::to_string(grown) + " KiB", grown < 64 * 1024);
    CPPUNIT_ASSERT_MESSAGE("took too long: " + words, took < std::chrono::seconds(30));
    CPPUNIT_ASSERT(artifact.module.size() <= artifact.limits.moduleBytes);
    return words;
}

Artifact layerOf(const char* mediaType, std::shared_ptr<MemoryBlob> blob) {
    Artifact artifact;
    artifact.blob(mediaType, std::move(blob), Digest::of("synthetic"));
    return artifact;
}

} // namespace

class BombTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BombTest);
    CPPUNIT_TEST(row21GzipOfZeros);
    CPPUNIT_TEST(gzipOfZerosBesideTheModule);
    CPPUNIT_TEST(rawGzipOfZeros);
    CPPUNIT_TEST(nested);
    CPPUNIT_TEST(manyEntries);
    CPPUNIT_TEST(manyNames);
    CPPUNIT_TEST(manyLayers);
    CPPUNIT_TEST(allLayersShareTheBudget);
    CPPUNIT_TEST(declaredSizes);
    CPPUNIT_TEST(hugeExtendedHeaders);
    CPPUNIT_TEST(sparseMaps);
    CPPUNIT_TEST(accessLists);
    CPPUNIT_TEST(zstdWindow);
    CPPUNIT_TEST(zstdFramesFollowTheStream);
    CPPUNIT_TEST_SUITE_END();

    const std::string _tenMiB = gzip(std::string(10u << 20, '\0')); // some 10 KiB

    void row21GzipOfZeros() {
        const std::string head = gzip(tarHeader("plugin.wasm", std::uint64_t(10) << 30) + coreModule());
        const auto blob = std::make_shared<MemoryBlob>(head, _tenMiB, 1024); // 10 MiB that become 10 GiB
        Artifact artifact = layerOf(type::OciTarGzip, blob);
        assertContains("1000 times its size", refusedCheaply(artifact));
        artifact.limits.ratio = 100000;
        assertContains("unpacked to more than 1073741824 bytes", refusedCheaply(artifact));
        CPPUNIT_ASSERT(artifact.module.empty());
    }
    void gzipOfZerosBesideTheModule() {
        const std::string head = gzip(ArchiveBuilder().file("plugin.wasm", coreModule()).tar().substr(0, 1024) +
                                      tarHeader("z", std::uint64_t(10) << 30));
        Artifact artifact = layerOf(type::OciTarGzip, std::make_shared<MemoryBlob>(head, _tenMiB, 1024));
        artifact.limits.ratio = 100000;
        artifact.limits.archiveBytes = 64u << 20;
        assertContains("unpacked to more than 67108864 bytes", refusedCheaply(artifact));
    }
    void rawGzipOfZeros() {
        for (const char* mediaType : {media::Wasm, media::OctetStream}) {
            Artifact artifact = layerOf(mediaType, std::make_shared<MemoryBlob>(gzip(coreModule()), _tenMiB, 1024));
            assertContains("1000 times its size", refusedCheaply(artifact));
            artifact.limits.ratio = 100000;
            artifact.limits.moduleBytes = 32u << 20;
            assertContains("larger than 33554432 bytes", refusedCheaply(artifact));
        }
    }
    void nested() {
        std::string bytes = ArchiveBuilder().file("plugin.wasm", coreModule()).tar();
        for (int i = 0; i < 10; ++i)
            bytes = i % 2 ? gzip(bytes) : zstd(bytes);
        for (const char* mediaType : {type::OciTarGzip, media::Wasm, ""}) {
            Artifact artifact;
            artifact.layer(mediaType, bytes);
            assertContains("compressed more than twice", refusedCheaply(artifact));
        }
        // Bombs inside each other: gzip of much gzip of zeros.
        const auto blob =
            std::make_shared<MemoryBlob>(gzip(gzip(tarHeader("z", std::uint64_t(10) << 30))), gzip(_tenMiB), 4096);
        Artifact artifact = layerOf(type::OciTarGzip, blob);
        assertContains("1000 times its size", refusedCheaply(artifact));
        artifact.limits.ratio = ~0u;
        artifact.limits.archiveBytes = 64u << 20;
        assertContains("unpacked to more than", refusedCheaply(artifact));
    }
    void manyEntries() {
        std::string thousand;
        for (int i = 0; i < 1000; ++i)
            thousand += tarHeader("f" + std::to_string(i), 0);
        const auto blob = std::make_shared<MemoryBlob>("", gzip(thousand), 1000); // a million
        Artifact artifact = layerOf(type::OciTarGzip, blob);
        assertContains("entries to more than 100000", refusedCheaply(artifact));
    }
    void manyNames() {
        ArchiveBuilder builder("gnutar");
        for (int i = 0; i < 40; ++i)
            builder.file("d" + std::to_string(i) + std::string(3000, 'n'), "");
        Artifact artifact;
        artifact.layer(type::OciTarGzip, gzip(builder.tar()));
        artifact.limits.nameBytes = 100000;
        assertContains("names of archive entries to more than 100000 bytes", refusedCheaply(artifact));
    }
    void manyLayers() {
        Artifact artifact;
        const std::string layer = gzip(ArchiveBuilder().file("x", "y").tar());
        for (int i = 0; i < 1000; ++i)
            artifact.layer(type::OciTarGzip, layer);
        assertContains("128 layers that are searched", refusedCheaply(artifact));
    }
    void allLayersShareTheBudget() {
        Artifact artifact;
        const std::string layer = gzip(ArchiveBuilder().file("x", coreModule(1 << 20)).tar());
        for (int i = 0; i < 10; ++i)
            artifact.layer(type::OciTarGzip, layer);
        artifact.limits.archiveBytes = 4u << 20;
        assertContains("unpacked to more than 4194304 bytes", refusedCheaply(artifact));
    }
    void declaredSizes() {
        for (const std::uint64_t size : {std::uint64_t(1) << 32, std::uint64_t(1) << 62, ~std::uint64_t(0) >> 1,
                                         ~std::uint64_t(0), std::uint64_t(1) << 63}) {
            for (const char kind : {'0', 'x', 'g', 'L', 'K', 'S'}) {
                Artifact artifact;
                artifact.layer(type::OciTar,
                               tarHeader("plugin.wasm", size, kind) + coreModule(4096) + std::string(1024, '\0'));
                CPPUNIT_ASSERT(!refusedCheaply(artifact).empty());
            }
        }
    }
    void hugeExtendedHeaders() {
        for (const char kind : {'x', 'g', 'L', 'K'}) {
            const auto blob =
                std::make_shared<MemoryBlob>(gzip(tarHeader("plugin.wasm", 1u << 30, kind)), _tenMiB, 110);
            Artifact artifact = layerOf(type::OciTarGzip, blob);
            artifact.limits.ratio = 100000;
            CPPUNIT_ASSERT(!refusedCheaply(artifact).empty());
        }
        // A chain of them, each small.
        const std::string link = tarHeader("././@LongLink", 512, 'L') + std::string(512, 'n');
        Artifact chain = layerOf(type::OciTar, std::make_shared<MemoryBlob>("", link, 1000000));
        CPPUNIT_ASSERT(!refusedCheaply(chain).empty());
    }
    void sparseMaps() {
        // GNU's format 1.0: the map is text in front of the data, as long as it says. Each line is a list node.
        const std::string record = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n30 GNU.sparse.realsize=999999\n";
        std::string pax = record + std::string(512 - record.size(), '\0');
        const std::string head = tarHeader("pax", record.size(), 'x') + pax + tarHeader("plugin.wasm", 1u << 30);
        std::string map = "200000000\n";
        while (map.size() % 512)
            map += "0\n";
        std::string lines;
        while (lines.size() < 512 * 1024)
            lines += "0\n1\n";
        Artifact modern = layerOf(type::OciTar, std::make_shared<MemoryBlob>(head + map, lines, 2048));
        CPPUNIT_ASSERT(!refusedCheaply(modern).empty());
        // The old format: blocks of 21 extents, each saying that another follows.
        std::string first = tarHeader("plugin.wasm", 1u << 20, 'S');
        std::string block(512, '\0');
        for (int i = 0; i < 21; ++i) {
            block.replace(std::size_t(i) * 24, 11, "00000000000");
            block.replace(std::size_t(i) * 24 + 12, 11, "00000000001");
        }
        block[504] = 1;
        first.replace(386, 24, block, 0, 24);
        first[482] = 1;
        first.replace(257, 8, "ustar  \0", 8);
        unsigned sum = 0;
        for (std::size_t i = 0; i < 512; ++i)
            sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(first[i]);
        char octal[16];
        std::snprintf(octal, sizeof octal, "%06o", sum);
        first.replace(148, 6, octal);
        Artifact old = layerOf(type::OciTar, std::make_shared<MemoryBlob>(first, block, 2000000));
        assertContains("header is too large", refusedCheaply(old));
    }
    void accessLists() {
        // Each entry of an access list is compared with all before it.
        std::string list;
        for (int i = 0; list.size() < 60000; ++i)
            list += "user:" + std::to_string(i) + ":rwx,";
        std::string record = "SCHILY.acl.access=" + list + "\n";
        record = std::to_string(record.size() + 7) + " " + record;
        std::string entry = tarHeader("pax", record.size(), 'x') + record;
        entry.resize((entry.size() + 511) / 512 * 512);
        entry += tarHeader("f", 0);
        Artifact artifact = layerOf(type::OciTar, std::make_shared<MemoryBlob>("", entry, 5000));
        assertContains("too many large headers", refusedCheaply(artifact));
    }
    void zstdWindow() {
        // A frame of one raw block that asks for a window of 128 MiB, and one whose content is said to be that large.
        const std::string block("\x09\0\0\0", 4);
        for (const auto& frame :
             {std::string("\x28\xb5\x2f\xfd\x00\x88", 6), std::string("\x28\xb5\x2f\xfd\xa0\0\0\0\x08", 9)}) {
            for (const auto& bytes : {frame + block, zstd("x") + frame + block, gzip(frame + block)}) {
                Artifact artifact;
                artifact.layer(media::Wasm, bytes);
                assertContains("window of 134217728 bytes", refusedCheaply(artifact));
            }
        }
    }
    void zstdFramesFollowTheStream() {
        const std::string skippable = std::string("\x5f\x2a\x4d\x18\x03\0\0\0", 8) + "abc";
        const std::string large("\x28\xb5\x2f\xfd\x00\x88", 6);
        std::string stream;
        for (const std::size_t size : {0u, 1u, 200u, 300u, 70000u, 300000u})
            stream += zstd(coreModule(size + 20)) + skippable;
        for (const std::size_t step : {1u, 3u, 1000u, 1u << 20}) {
            ZstdFrames frames("layer", 32u << 20);
            for (std::size_t at = 0; at < stream.size(); at += step)
                frames.see(stream.data() + at, std::min(step, stream.size() - at));
            try {
                frames.see(large.data(), large.size());
                CPPUNIT_FAIL("the last frame was not seen");
            } catch (const Error& error) {
                assertContains("window of 134217728", error.what());
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BombTest);
