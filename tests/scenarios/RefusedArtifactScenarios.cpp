// SPDX-License-Identifier: Apache-2.0
// Artifacts without a module that a proxy can load: refused at once, with the reason, and at a bounded cost.
#include "ArtifactFixture.h"

#include "host/wasm/ArchiveBuilder.h"
#include "support/IstioAgent.h"

#include <cstdio>
#include <filesystem>

using namespace wasmproxy::test;
using namespace wasmproxy::test::type;
using wasmproxy::host::ArchiveBuilder;
using wasmproxy::host::componentModule;
using wasmproxy::host::coreModule;
using wasmproxy::host::gzip;

namespace {

/// 10 MiB that unpack to `head` and some 1,000 times their size in zeros; with `noise` some 700 times.
std::string inflated(const std::string& head, const std::string& noise = {}) {
    const std::string zeros = gzip(std::string(16u << 20, '\0') + noise);
    std::string bytes = gzip(head);
    while (bytes.size() < 10u << 20)
        bytes += zeros;
    return bytes;
}

/// The beginning of a tar with a plugin.wasm of 8 GiB, which begins like a module.
std::string hugeEntry() {
    constexpr std::size_t HeaderBytes = 512, SizeAt = 124, SumAt = 148;
    std::string head = ArchiveBuilder("ustar").file("plugin.wasm", coreModule(HeaderBytes)).tar();
    head.resize(2 * HeaderBytes);
    head.replace(SizeAt, 11, "77777777777");
    head.replace(SumAt, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < HeaderBytes; ++i)
        sum += static_cast<unsigned char>(head[i]);
    char text[8] = {};
    std::snprintf(text, sizeof text, "%06o", sum & 0777777);
    head.replace(SumAt, 7, text, 7);
    return head;
}

std::uintmax_t bytesIn(const std::string& folder) {
    std::uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) sum += entry.file_size();
    return sum;
}

/// The largest resident size so far, in KiB.
std::uint64_t peakOf(pid_t process) {
    const auto status = readFile("/proc/" + std::to_string(process) + "/status");
    return std::stoull(status.substr(status.find("VmHWM:") + 6));
}

} // namespace

class RefusedArtifactScenarios : public ArtifactFixture {
    CPPUNIT_TEST_SUITE(RefusedArtifactScenarios);
    CPPUNIT_TEST(whatHoldsNoModuleIsRefused);
    CPPUNIT_TEST(bombsAreDefused);
    CPPUNIT_TEST(largeModulesAreRefused);
    CPPUNIT_TEST(modulesWithoutTheProxyAbi);
    CPPUNIT_TEST_SUITE_END();

    void whatHoldsNoModuleIsRefused() {
        const auto module = uniqueModule("good");
        refused({"Spin application"}, artifact(SpinConfig, {{WasmToOci, module}, {WasmToOci, uniqueModule("second")}}));
        refused({"several WebAssembly layers", "layer 1 of 2", "layer 2 of 2"},
                artifact(WasmConfig, {{Wasm, module}, {Wasm, uniqueModule("second")}}));
        refused({"component", "build a core module"}, artifact(WasmConfig, {{Wasm, componentModule()}}));
        refused({"component"}, artifact(OciConfig, {{Runwasi, componentModule()}}));
        refused({"no module", "no plugin.wasm", "has 1 entries"},
                artifact(OciConfig, {{OciTarGzip, gzip(tarWith("etc/hosts", "x"))}}));
        refused({"is not WebAssembly but an HTML page"},
                artifact(WasmConfig, {{Wasm, "<!DOCTYPE html><title>Sign in</title>"}}));
        refused({"plugin.wasm", "is not WebAssembly but an ELF"},
                artifact(OciConfig, {{OciTarGzip, gzip(tarWith("plugin.wasm", "\x7f"
                                                                              "ELF\2\1\1"))}}));
        refused({"plugin.wasm", "is a symbolic link to /etc/shadow", "links are not followed"},
                artifact(OciConfig,
                         {{OciTarGzip, gzip(ArchiveBuilder().symbolicLink("plugin.wasm", "/etc/shadow").tar())}}));
        const auto whole = gzip(tarWith("plugin.wasm", coreModule(200000)));
        refused({OciTarGzip, "truncated gzip"}, artifact(OciConfig, {{OciTarGzip, whole.substr(0, whole.size() / 2)}}));
        refused({"several modules", "a.wasm", "b.wasm"},
                artifact(OciConfig,
                         {{OciTarGzip, gzip(ArchiveBuilder().file("a.wasm", module).file("b.wasm", module).tar())}}));
        // A refusal is final for an agent: no second attempt, and nothing loaded.
        const auto agent = IstioAgent().fetch(_proxy->url(fetchPath(reference())));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(agent.summary(), std::size_t(1), agent.attempts.size());
        CPPUNIT_ASSERT_EQUAL(422, agent.attempts[0].status);
    }

    void bombsAreDefused() {
        const auto before = peakOf(_proxy->child().pid());
        const auto noise = coreModule(8192);
        refused({OciTarGzip, "unpacks to more than 1000 times its size"},
                artifact(OciConfig, {{OciTarGzip, inflated(hugeEntry())}}));
        refused({OciTarGzip, "brings what must be unpacked to more than 1073741824 bytes"},
                artifact(OciConfig, {{OciTarGzip, inflated(hugeEntry(), noise)}}));
        refused({Wasm, "is larger than 268435456 bytes"},
                artifact(WasmConfig, {{Wasm, inflated(coreModule(512), noise)}}));
        const auto grown = peakOf(_proxy->child().pid()) - before;
        CPPUNIT_ASSERT_MESSAGE(std::to_string(grown) + " KiB of memory", grown < 100 * 1024);
        const auto kept = bytesIn(_proxy->blobs());
        CPPUNIT_ASSERT_MESSAGE(std::to_string(kept) + " bytes kept", kept < 32u << 20);
        served("compat-oci", compat);
    }

    void largeModulesAreRefused() {
        Proxy::Options options{host()};
        options.pull = "max-module = 64KiB";
        restart(options);
        const auto large = coreModule(65537);
        refused({"is larger than 65536 bytes"}, artifact(WasmConfig, {{Wasm, large}}));
        refused({"is larger than 65536 bytes"}, artifact(WasmConfig, {{Wasm, gzip(large)}}));
        refused({"plugin.wasm", "is larger than 65536 bytes"}, compat(large));
        const auto exact = coreModule(65536);
        _upstream->push(newName(), compat(exact));
        CPPUNIT_ASSERT(_proxy->fetch(reference()).body == exact);
    }

    void modulesWithoutTheProxyAbi() {
        const std::string words = "exports no proxy_abi_version function";
        for (const std::string mode : {"warn", "no", "yes"}) {
            Proxy::Options options{host()};
            options.pull = "require-proxy-wasm = " + mode;
            restart(options);
            served("compat-oci", compat);
            const auto plain = artifact(WasmConfig, {{Wasm, coreModule(100 + mode.size())}});
            if (mode == "yes") {
                refused({words}, plain);
                continue;
            }
            _upstream->push(newName(), plain);
            const auto answer = _proxy->fetch(reference());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 200, answer.status);
            CPPUNIT_ASSERT(answer.body == plain.layers[0].bytes);
            CPPUNIT_ASSERT_EQUAL(mode == "warn", _proxy->log().find(words) != std::string::npos);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RefusedArtifactScenarios);
