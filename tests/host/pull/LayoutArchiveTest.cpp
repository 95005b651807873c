// SPDX-License-Identifier: Apache-2.0
#include "PullRooms.h"

#include "eviction/Evictor.h"
#include "eviction/Purge.h"
#include "eviction/Scrub.h"
#include "pull/LayoutExport.h"
#include "pull/LayoutImport.h"
#include "pull/TemporaryFile.h"
#include "support/ExpectError.h"
#include "support/TemporaryFolder.h"

#include "../wasm/ArchiveBuilder.h"
#include "../wasm/MemoryBlob.h"

#include <filesystem>
#include <fstream>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using wasmproxy::test::expectError;

namespace {

std::string describe(const char* type, const std::string& bytes) {
    return std::string("{\"mediaType\":\"") + type + "\",\"digest\":\"" + Digest::of(bytes).str() +
           "\",\"size\":" + std::to_string(bytes.size()) + "}";
}

/// A layout of one artifact, in parts that a test spoils.
struct Layout {
    explicit Layout(const std::string& unique) : module(moduleBytes(unique)) {
        manifest = std::string("{\"schemaVersion\":2,\"mediaType\":\"") + media::OciManifest +
                   "\",\"config\":" + describe("application/vnd.wasm.config.v0+json", config) + ",\"layers\":[" +
                   describe(media::Wasm, module) + "]}";
        index = "{\"schemaVersion\":2,\"manifests\":[" + entry("v1") + "]}";
    }
    std::string entry(const std::string& name) const {
        auto text = describe(media::OciManifest, manifest);
        text.insert(text.size() - 1, ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" + name + "\"}");
        return text;
    }
    ArchiveBuilder& write(ArchiveBuilder& archive) const {
        archive.directory("blobs/sha256");
        for (const auto* bytes : {&manifest, &config, &module})
            archive.file("./blobs/sha256/" + std::string(Digest::of(*bytes).hex()), *bytes);
        return archive.file("oci-layout", marker).file("index.json", index);
    }
    std::string tar() const {
        ArchiveBuilder archive;
        return write(archive).tar();
    }

    std::string module;
    std::string config = "{}";
    std::string manifest;
    std::string index;
    std::string marker = R"({"imageLayoutVersion":"1.0.0"})";
};

Call call() {
    return {"test", Call::Clock::now() + seconds(30)};
}

} // namespace

/// Archives in and out, and what operators do to what is cached.
class LayoutArchiveTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LayoutArchiveTest);
    CPPUNIT_TEST(importIsServedWithoutARegistry);
    CPPUNIT_TEST(theManifestThatIsMeantIsChosen);
    CPPUNIT_TEST(nothingStaysOfABadArchive);
    CPPUNIT_TEST(limitsHold);
    CPPUNIT_TEST(exportFetchesWhatIsMissingAndComesBack);
    CPPUNIT_TEST(refreshAsksWhateverIsKnown);
    CPPUNIT_TEST(pinsStopEviction);
    CPPUNIT_TEST(purgeLeavesWhatOthersHold);
    CPPUNIT_TEST(aPurgeThatEndsEarlyLeavesWhatIsPurgedAgain);
    CPPUNIT_TEST(scrubRemovesWhatIsNotItsDigest);
    CPPUNIT_TEST_SUITE_END();

    testing::FakeRegistry _registry;
    ChangingSource _source;
    wasmproxy::test::TemporaryFolder _folder;

    LayoutImport::Imported import(Rooms& rooms, const std::string& archive, const std::string& reference,
                                  const PullLimits& limits = {}) {
        auto ours = call();
        MemoryBlob blob(archive);
        return LayoutImport(rooms.cache, rooms.index, limits, _folder.path())
            .take(ours, blob, Reference::parse(reference));
    }

    std::size_t files() const {
        std::size_t count = 0;
        for (const auto& each : std::filesystem::recursive_directory_iterator(_folder / "blobs"))
            count += each.is_regular_file() && each.file_size() > 0 ? 1 : 0;
        return count;
    }

    void expectRefused(Rooms& rooms, const std::string& archive, const std::string& why,
                       const std::string& reference = "r.example.com/team/app:v1", const PullLimits& limits = {}) {
        const auto before = files();
        try {
            import(rooms, archive, reference, limits);
            CPPUNIT_FAIL("imported, where it should say: " + why);
        } catch (const Error& error) {
            CPPUNIT_ASSERT_MESSAGE(std::string(error.what()) + " lacks: " + why,
                                   std::string(error.what()).find(why) != std::string::npos);
            CPPUNIT_ASSERT(error.code() == ErrorCode::ModuleUnusable);
        }
        CPPUNIT_ASSERT_EQUAL(before, files());
        CPPUNIT_ASSERT(rooms.index.modules().empty() && rooms.index.contentsByAge().empty());
        CPPUNIT_ASSERT(!rooms.index.tag(Reference::parse(reference)));
    }

    void importIsServedWithoutARegistry() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60)); // no registry answers
        const Layout layout("one");
        const auto imported = import(rooms, gzip(layout.tar()), "r.example.com/team/app:v1");
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), imported.contents);
        CPPUNIT_ASSERT(imported.record.manifest == Digest::of(layout.manifest));
        CPPUNIT_ASSERT(imported.record.module == Digest::of(layout.module));
        CPPUNIT_ASSERT_EQUAL(std::string("cncf"), imported.record.layout);
        CPPUNIT_ASSERT_EQUAL(layout.module, contentOf(wait(ask(rooms.pulls, "r.example.com/team/app:v1")).module()));
        CPPUNIT_ASSERT_EQUAL(
            layout.module,
            contentOf(wait(ask(rooms.pulls, "r.example.com/team/app@" + imported.record.manifest.str())).module()));
        // Import is no permission.
        const Layout other("other");
        import(rooms, other.tar(), "r.example.com/elsewhere/app:v1");
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/elsewhere/app:v1")).code() == ErrorCode::RouteUnknown);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), _registry.count("", ""));
    }

    void theManifestThatIsMeantIsChosen() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const Layout one("one");
        Layout two("two");
        two.index = "{\"schemaVersion\":2,\"manifests\":[" + one.entry("v1") + "," + two.entry("v2") + "]}";
        ArchiveBuilder archive;
        for (const auto* bytes : {&one.manifest, &one.module})
            archive.file("blobs/sha256/" + std::string(Digest::of(*bytes).hex()), *bytes);
        const auto both = two.write(archive).tar();
        expectRefused(rooms, both, "has 2 manifests and not one of them is named v3", "r.example.com/team/app:v3");
        expectRefused(rooms, both, "which the reference pins", "r.example.com/team/app@" + Digest::of("another").str());
        const auto pinned = import(rooms, both, "r.example.com/team/app:old@" + Digest::of(one.manifest).str());
        CPPUNIT_ASSERT(pinned.record.module == Digest::of(one.module));
        CPPUNIT_ASSERT(rooms.index.tag(Reference::parse("r.example.com/team/app:old"))->digest ==
                       Digest::of(one.manifest));
        CPPUNIT_ASSERT(import(rooms, both, "r.example.com/team/app:v2").record.module == Digest::of(two.module));
    }

    void nothingStaysOfABadArchive() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        std::filesystem::create_directories(_folder / "blobs");
        const Layout good("good");
        expectRefused(rooms, "no archive at all", "is no tar archive");
        expectRefused(rooms, "", "is no tar archive");
        expectRefused(rooms, good.tar().substr(0, 3000), "");

        auto bad = good;
        bad.marker = R"({"imageLayoutVersion":"2.0.0"})";
        expectRefused(rooms, bad.tar(), "version 2.0.0");
        bad = good;
        bad.index = "{\"schemaVersion\":2,\"manifests\":[]}";
        expectRefused(rooms, bad.tar(), "names no manifest");
        bad.index = "<html>";
        expectRefused(rooms, bad.tar(), "bad document");
        bad = good;
        bad.config = "{ }"; // the manifest names another
        expectRefused(rooms, bad.tar(), "lacks the content " + Digest::of("{}").str());

        ArchiveBuilder lie;
        lie.file("blobs/sha256/" + std::string(Digest::of(good.module).hex()), moduleBytes("evil"));
        expectRefused(rooms, good.write(lie).tar(), "whose bytes are");
        ArchiveBuilder link;
        link.symbolicLink("blobs/sha256/" + std::string(Digest::of("x").hex()), "/etc/passwd");
        expectRefused(rooms, good.write(link).tar(), "no file");
        ArchiveBuilder name;
        name.file("blobs/sha256/../../../x", "x");
        CPPUNIT_ASSERT_NO_THROW(import(rooms, good.write(name).tar(), "r.example.com/x/y:z")); // never a path here
        rooms.index.forgetTag(Reference::parse("r.example.com/x/y:z"));
        auto ours = call();
        Purge purge(rooms.cache, rooms.index, {}, 1 << 20);
        purge.run(ours, purge.digest(Digest::of(good.manifest)));
        ArchiveBuilder odd;
        odd.file("blobs/sha256/short", "x");
        expectRefused(rooms, good.write(odd).tar(), "no digest");
        ArchiveBuilder twice;
        twice.file("index.json", good.index);
        expectRefused(rooms, good.write(twice).tar(), "two files index.json");
        ArchiveBuilder docker;
        expectRefused(rooms, docker.file("manifest.json", "[]").tar(), "docker save");

        bad = good;
        bad.module = "not a module";
        bad.manifest = std::string("{\"schemaVersion\":2,\"mediaType\":\"") + media::OciManifest +
                       "\",\"config\":" + describe("application/vnd.wasm.config.v0+json", bad.config) +
                       ",\"layers\":[" + describe(media::Wasm, bad.module) + "]}";
        bad.index = "{\"schemaVersion\":2,\"manifests\":[" + bad.entry("v1") + "]}";
        expectRefused(rooms, bad.tar(), "");
        bad = good;
        const auto at = bad.index.find("\"size\":");
        bad.index.replace(at, 8, "\"size\":9");
        expectRefused(rooms, bad.tar(), "where a manifest says");
    }

    void limitsHold() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        std::filesystem::create_directories(_folder / "blobs");
        const Layout layout("limits");
        PullLimits limits;
        limits.layerBytes = 16;
        expectRefused(rooms, layout.tar(), "more than the limit of 16 bytes", "r.example.com/team/app:v1", limits);
        limits = {};
        limits.manifestBytes = 64;
        expectRefused(rooms, layout.tar(), "larger index.json", "r.example.com/team/app:v1", limits);
        limits = {};
        limits.module.moduleBytes = 10;
        expectRefused(rooms, layout.tar(), "10", "r.example.com/team/app:v1", limits);
        limits = {};
        limits.requireProxyWasm = RequireProxyWasm::Yes;
        expectRefused(rooms, layout.tar(), "proxy_abi_version", "r.example.com/team/app:v1", limits);

        const auto before = files();
        Call cancelled("test", Call::Clock::now() - seconds(1));
        MemoryBlob blob(layout.tar());
        CPPUNIT_ASSERT_THROW(LayoutImport(rooms.cache, rooms.index, {}, _folder.path())
                                 .take(cancelled, blob, Reference::parse("r.example.com/team/app:v1")),
                             Error);
        CPPUNIT_ASSERT(rooms.index.modules().empty());
        CPPUNIT_ASSERT_EQUAL(before, files());
    }

    void exportFetchesWhatIsMissingAndComesBack() {
        servePrivate(_registry);
        const auto module = moduleBytes("there and back");
        const auto manifest = pushModule(_registry, "team/app", "v1", module);
        TemporaryFile archive(_folder.path());
        {
            Rooms rooms(_registry, _folder / "one", _source, seconds(60));
            const auto reference = Reference::parse("r.example.com/team/app:v1");
            LayoutExport writer(rooms.cache, 1 << 20,
                                [&](Call& ours, const Reference& of, const std::vector<Descriptor>& missing) {
                                    CPPUNIT_ASSERT_EQUAL(std::size_t(1), missing.size()); // the config
                                    rooms.pulls.complete(ours, of, missing);
                                });
            auto ours = call();
            CPPUNIT_ASSERT_THROW(writer.write(ours, reference, manifest, archive.descriptor()), Error);
            wait(ask(rooms.pulls, reference.str())).module();
            writer.write(ours, reference, manifest, archive.descriptor());
        }
        std::string bytes(1 << 20, '\0');
        bytes.resize(archive.read(0, bytes.data(), bytes.size()));
        testing::FakeRegistry nobody;
        Rooms rooms(nobody, _folder / "two", _source, seconds(60));
        CPPUNIT_ASSERT(import(rooms, bytes, "r.example.com/team/copy:v9").record.manifest == manifest);
        CPPUNIT_ASSERT_EQUAL(module, contentOf(wait(ask(rooms.pulls, "r.example.com/team/copy:v9")).module()));
    }

    void refreshAsksWhateverIsKnown() {
        servePrivate(_registry);
        const auto first = pushModule(_registry, "team/app", "v1", moduleBytes("first"));
        Rooms rooms(_registry, _folder.path(), _source, seconds(600));
        const auto now = [&](const std::string& reference) {
            auto promise = std::make_shared<std::promise<Answer>>();
            rooms.pulls.byReference(Reference::parse(reference), {}, {"req", "10.0.0.1", {}, true},
                                    [promise](ModuleResult result) {
                                        promise->set_value({std::move(result), milliseconds(0)});
                                    });
            return wait(promise->get_future());
        };
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/app:v1")).module().manifest == first);
        const auto second = pushModule(_registry, "team/app", "v1", moduleBytes("second"));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/app:v1")).module().manifest == first);
        CPPUNIT_ASSERT(now("r.example.com/team/app:v1").module().manifest == second);
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/app:v1")).module().manifest == second);
        // A failure that is remembered does not answer for a refresh, nor after it.
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/app:v2")).code() == ErrorCode::ManifestUnknown);
        const auto third = pushModule(_registry, "team/app", "v2", moduleBytes("third"));
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/app:v2")).code() == ErrorCode::ManifestUnknown);
        CPPUNIT_ASSERT(now("r.example.com/team/app:v2").module().manifest == third);
        CPPUNIT_ASSERT(wait(ask(rooms.pulls, "r.example.com/team/app:v2")).module().manifest == third);
        CPPUNIT_ASSERT(now("elsewhere.example.com/a/b:v1").code() == ErrorCode::RouteUnknown);
    }

    void pinsStopEviction() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const auto kept = import(rooms, Layout("kept").tar(), "r.example.com/team/kept:v1").record;
        const auto gone = import(rooms, Layout("gone").tar(), "r.example.com/team/gone:v1").record;
        rooms.index.pin(kept.module);
        Evictor::Options options;
        options.capacity = 1 << 30;
        options.every = milliseconds(3600000);
        options.grace = milliseconds(0);
        Evictor evictor(rooms.cache, rooms.index, options);
        auto ours = call();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), evictor.sweep(ours).contents);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), evictor.sweep(ours, 1 << 30).contents); // config, manifest, module
        CPPUNIT_ASSERT(rooms.cache.openVerified(ours, kept.module) && rooms.cache.openVerified(ours, kept.manifest));
        CPPUNIT_ASSERT(!rooms.cache.openVerified(ours, gone.module));
        rooms.index.unpin(kept.module);
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), evictor.sweep(ours, 1 << 30).contents);
        CPPUNIT_ASSERT(!rooms.cache.openVerified(ours, kept.module));
    }

    void purgeLeavesWhatOthersHold() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        std::vector<Digest> hot;
        Purge purge(rooms.cache, rooms.index, {[&](const Digest& digest) { hot.push_back(digest); }}, 1 << 20);
        auto ours = call();
        const Layout layout("shared");
        const auto record = import(rooms, layout.tar(), "r.example.com/team/one:v1").record;
        import(rooms, layout.tar(), "r.example.com/team/one:v2");
        import(rooms, layout.tar(), "r.example.com/team/two:v1");
        import(rooms, Layout("other").tar(), "r.example.com/team/one:other"); // shares the config

        auto purged = purge.run(ours, purge.reference(Reference::parse("r.example.com/team/one:v1")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), purged.tags);
        CPPUNIT_ASSERT(purged.links == 0 && rooms.index.linked(record.module, Repository("r.example.com", "team/one")));
        purged = purge.run(ours, purge.reference(Reference::parse("r.example.com/team/one:v2")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), purged.links); // manifest and module; the config is the other's, too
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), purged.contents);
        CPPUNIT_ASSERT_EQUAL(layout.module, contentOf(wait(ask(rooms.pulls, "r.example.com/team/two:v1")).module()));

        rooms.index.pin(record.module);
        CPPUNIT_ASSERT(purge.digest(record.manifest).pinned == std::vector<Digest>{record.module});
        purged = purge.run(ours, purge.digest(record.manifest));
        CPPUNIT_ASSERT(purged.links == 0 && purged.contents == 0);
        CPPUNIT_ASSERT(rooms.index.module(record.manifest) && hot.empty());
        rooms.index.unpin(record.module);
        purged = purge.run(ours, purge.digest(record.module));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), purged.contents);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), purged.modules);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), purged.tags);
        CPPUNIT_ASSERT(std::find(hot.begin(), hot.end(), record.module) != hot.end());
        CPPUNIT_ASSERT(!rooms.index.module(record.manifest) && !rooms.cache.openVerified(ours, record.module));
        CPPUNIT_ASSERT(purge.digest(record.module).nothing());

        purged = purge.run(ours, purge.repository(Repository("r.example.com", "team/one")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), purged.tags);
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), purged.contents); // nobody else holds the config any more
        CPPUNIT_ASSERT(rooms.index.modules().empty());
        CPPUNIT_ASSERT(purge.repository(Repository("r.example.com", "team/one")).nothing());
    }

    void aPurgeThatEndsEarlyLeavesWhatIsPurgedAgain() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        Purge purge(rooms.cache, rooms.index, {}, 1 << 20);
        const auto reference = Reference::parse("r.example.com/team/app:v1");
        import(rooms, Layout("whole").tar(), reference.str());
        Call late("purge", Call::Clock::now() - seconds(1));
        expectError("late", ErrorCode::DeadlineExceeded, "", [&] { purge.run(late, purge.reference(reference)); });
        CPPUNIT_ASSERT(rooms.index.tag(reference));
        auto ours = call();
        const auto purged = purge.run(ours, purge.reference(reference));
        CPPUNIT_ASSERT(purged.tags == 1 && purged.modules == 1 && purged.contents == 3);
        CPPUNIT_ASSERT(rooms.index.modules().empty() && rooms.index.contentsByAge().empty());
    }

    void scrubRemovesWhatIsNotItsDigest() {
        Rooms rooms(_registry, _folder.path(), _source, seconds(60));
        const auto record = import(rooms, Layout("rot").tar(), "r.example.com/team/app:v1").record;
        bool spoilt = false;
        for (const auto& each : std::filesystem::recursive_directory_iterator(_folder / "blobs"))
            if (each.path().filename().string().find(std::string(record.module.hex())) != std::string::npos) {
                std::filesystem::permissions(each, std::filesystem::perms::owner_all);
                std::fstream(each.path(), std::ios::in | std::ios::out | std::ios::binary).seekp(9).put('X');
                spoilt = true;
            }
        CPPUNIT_ASSERT(spoilt);
        std::vector<Digest> hot;
        Scrub scrub(rooms.cache, rooms.index, [&](const Digest& digest) { hot.push_back(digest); });
        auto ours = call();
        std::uint64_t last = 0;
        const auto report = scrub.run(ours, [&](std::uint64_t done, std::uint64_t total) {
            CPPUNIT_ASSERT_EQUAL(std::uint64_t(3), total);
            last = done;
        });
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(3), last);
        CPPUNIT_ASSERT(report.contents == 3 && report.removed == 1 && report.bad.size() == 1);
        CPPUNIT_ASSERT(report.bad.front().digest == record.module && hot == std::vector<Digest>{record.module});
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), rooms.index.contentsByAge().size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), scrub.run(ours, [](auto, auto) {}).removed);
        std::atomic<bool> cancelled{true};
        Call given("test", Call::Clock::now() + seconds(30), &cancelled);
        CPPUNIT_ASSERT_THROW(scrub.run(given, [](auto, auto) {}), Error);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LayoutArchiveTest);
