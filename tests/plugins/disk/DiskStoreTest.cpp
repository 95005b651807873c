// SPDX-License-Identifier: Apache-2.0
#include "DiskFixture.h"

#include "wasmproxy/testing/CacheStoreSuite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace wasmproxy;

namespace {

unsigned modeOf(const std::string& path) {
    struct stat found {};
    CPPUNIT_ASSERT_EQUAL_MESSAGE(path, 0, ::lstat(path.c_str(), &found));
    return found.st_mode & 07777;
}

} // namespace

class DiskStoreTest : public DiskFixture {
    CPPUNIT_TEST_SUITE(DiskStoreTest);
    CPPUNIT_TEST(keepsTheContract);
    CPPUNIT_TEST(laysOutPrivateFiles);
    CPPUNIT_TEST(leaksNoDescriptorAndPassesNoneOn);
    CPPUNIT_TEST(refusesWhatIsNoDirectory);
    CPPUNIT_TEST(refusesWhatItMayNotWrite);
    CPPUNIT_TEST(refusesRelativePaths);
    CPPUNIT_TEST(takesTheDirectoryForItself);
    CPPUNIT_TEST(treatsDamagedFilesAsAbsentAndReplacesThem);
    CPPUNIT_TEST(saysWhenAFileIsCutUnderAReader);
    CPPUNIT_TEST(visitsOnlyBlobs);
    CPPUNIT_TEST(worksOnAfterTheDirectoryIsEmptied);
    CPPUNIT_TEST(worksOnAfterTheDirectoryIsMoved);
    CPPUNIT_TEST(refusesASecondCommit);
    CPPUNIT_TEST(stopsAVisitAtTheDeadline);
    CPPUNIT_TEST_SUITE_END();

public:
    void keepsTheContract() {
        for (const auto& finding : testing::checkCacheStore(
                 [&](HostServices& services) {
                     return std::make_unique<disk::DiskStore>(services, settings(directory));
                 },
                 host, {}))
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), filesIn(directory + "/ingest"));
        CPPUNIT_ASSERT(host.take().empty());
    }

    void laysOutPrivateFiles() {
        const mode_t before = ::umask(0);
        const auto store = make();
        const Digest digest = put(*store, "abc");
        ::umask(before);
        const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        CPPUNIT_ASSERT_EQUAL(directory + "/blobs/sha256/ba/" + hex, pathOf(digest));
        for (const std::string name : {"", "/ingest", "/blobs", "/blobs/sha256", "/blobs/sha256/ba"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, 0700u, modeOf(directory + name));
        CPPUNIT_ASSERT_EQUAL(0600u, modeOf(pathOf(digest)));
        CPPUNIT_ASSERT_EQUAL(0600u, modeOf(directory + "/lock"));
    }

    void leaksNoDescriptorAndPassesNoneOn() {
        const std::size_t before = filesIn("/proc/self/fd");
        {
            const auto store = make();
            const Digest digest = put(*store, "abc");
            auto work = call();
            const auto ingest = store->ingest(work, 3);
            const auto blob = store->open(work, digest);
            visited(*store);
            std::size_t ours = 0;
            for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
                std::error_code gone; // the iterator's own descriptor
                if (std::filesystem::read_symlink(entry, gone).string().find(directory) != 0) continue;
                ++ours;
                const int number = std::stoi(entry.path().filename().string());
                CPPUNIT_ASSERT(::fcntl(number, F_GETFD) & FD_CLOEXEC);
            }
            CPPUNIT_ASSERT_EQUAL(std::size_t(4), ours); // directory, lock, ingest, blob
        }
        CPPUNIT_ASSERT_EQUAL(before, filesIn("/proc/self/fd"));
    }

    void refusesWhatIsNoDirectory() {
        writeFile(*root / "file", "x");
        const std::string file = errorOf([&] { make(*root / "file"); });
        assertContains(file, "SETTINGS_INVALID: directory: " + (*root / "file") + " is not a directory");
        const std::string below = errorOf([&] { make(*root / "file/cache"); });
        assertContains(below, "SETTINGS_INVALID: directory: " + (*root / "file") + " is no directory");
        assertContains(below, "correct `directory`");
        make(*root / "made/with/parents");
        CPPUNIT_ASSERT(std::filesystem::is_directory(*root / "made/with/parents/blobs"));
    }

    void refusesWhatItMayNotWrite() {
        std::filesystem::create_directory(directory);
        std::filesystem::permissions(root->path(), std::filesystem::perms(0755));
        std::filesystem::permissions(directory, std::filesystem::perms(0555));
        const bool wasRoot = ::geteuid() == 0;
        if (wasRoot) CPPUNIT_ASSERT_EQUAL(0, ::seteuid(65534));
        const std::string uid = std::to_string(::geteuid());
        const std::string inside = errorOf([&] { make(); });
        const std::string above = errorOf([&] { make(directory + "/below"); });
        if (wasRoot) CPPUNIT_ASSERT_EQUAL(0, ::seteuid(0));
        std::filesystem::permissions(directory, std::filesystem::perms(0755));
        assertContains(inside, "STORAGE_FAULT: cannot write " + directory + "/lock: Permission denied");
        assertContains(inside, "uid " + uid);
        assertContains(above, "STORAGE_FAULT: cannot create " + directory + "/below: Permission denied");
    }

    void refusesRelativePaths() {
        for (const std::string path : {"", "cache", "./cache"}) {
            disk::DiskSettings values;
            std::vector<SettingsProblem> problems;
            values.apply({{"directory", path, "a.ini:7"}}, "cache.local.", problems);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(path, std::size_t(1), problems.size());
            CPPUNIT_ASSERT_EQUAL(std::string("cache.local.directory"), problems[0].key);
            CPPUNIT_ASSERT_EQUAL(std::string("a.ini:7"), problems[0].origin);
        }
    }

    void takesTheDirectoryForItself() {
        auto first = make();
        const std::string text = errorOf([&] { make(); });
        assertContains(text, "STORAGE_FAULT: directory: " + directory + " is already in use by another cache of this");
        auto work = call();
        const auto ingest = first->ingest(work, 1);
        first.reset();
        assertContains(errorOf([&] { make(); }), "already in use"); // or it would sweep the ingest away
    }

    void treatsDamagedFilesAsAbsentAndReplacesThem() {
        const auto store = make();
        const std::string bytes = "some bytes";
        const std::string path = pathOf(put(*store, bytes));
        writeFile(*root / "elsewhere", bytes);
        const std::vector<std::pair<std::string, std::function<void()>>> damages = {
            {"link", [&] { std::filesystem::create_symlink(*root / "elsewhere", path); }},
            {"pipe", [&] { CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(path.c_str(), 0600)); }},
            {"empty", [&] { writeFile(path, ""); }}};
        for (const auto& [name, damage] : damages) {
            std::filesystem::remove(path);
            damage();
            host.take();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string("<absent>"), get(*store, Digest::of(bytes)));
            const auto lines = host.take();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::size_t(1), lines.size());
            assertContains(lines[0], path);
            assertContains(lines[0], "treated as absent");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::size_t(0), visited(*store).size());
            put(*store, bytes);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, bytes, get(*store, Digest::of(bytes)));
        }
        std::filesystem::remove(path);
        std::filesystem::create_directory(path);
        CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), get(*store, Digest::of(bytes)));
        assertContains(errorOf([&] { put(*store, bytes); }), "STORAGE_FAULT: cannot commit " + path);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), filesIn(directory + "/ingest"));
    }

    void saysWhenAFileIsCutUnderAReader() {
        const auto store = make();
        const Digest digest = put(*store, std::string(10000, 'x'));
        auto work = call();
        const auto blob = store->open(work, digest);
        CPPUNIT_ASSERT_EQUAL(0, ::truncate(pathOf(digest).c_str(), 5000));
        char buffer[100];
        CPPUNIT_ASSERT_EQUAL(std::size_t(100), blob->read(0, buffer, sizeof buffer));
        assertContains(errorOf([&] { blob->read(5000, buffer, sizeof buffer); }), "STORAGE_FAULT: " + pathOf(digest));
    }

    void visitsOnlyBlobs() {
        const auto store = make();
        const Digest digest = put(*store, "abc");
        const std::string blobs = directory + "/blobs";
        std::filesystem::create_directories(blobs + "/sha256/zz/deep");
        std::filesystem::create_directories(blobs + "/md5/ab");
        std::filesystem::create_symlink(blobs + "/sha256/ba", blobs + "/sha256/link");
        writeFile(blobs + "/README", "x");
        writeFile(blobs + "/sha256/README", "x");
        writeFile(blobs + "/sha256/ba/README", "x");
        writeFile(blobs + "/sha256/zz/" + std::string(digest.hex()), "in the wrong shard");
        writeFile(blobs + "/sha256/ba/BA" + std::string(62, '0'), "upper case");
        CPPUNIT_ASSERT((visited(*store) == std::map<Digest, std::uint64_t>{{digest, 3}}));
    }

    void worksOnAfterTheDirectoryIsEmptied() {
        const auto store = make();
        const Digest digest = put(*store, "abc");
        std::filesystem::remove_all(directory + "/blobs");
        std::filesystem::remove_all(directory + "/ingest");
        CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), get(*store, digest));
        CPPUNIT_ASSERT(visited(*store).empty());
        auto work = call();
        CPPUNIT_ASSERT(!store->remove(work, digest));
        put(*store, "abc");
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), get(*store, digest));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), visited(*store).size());
    }

    void worksOnAfterTheDirectoryIsMoved() {
        const auto store = make();
        const Digest digest = put(*store, "abc");
        std::filesystem::rename(directory, *root / "moved");
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), get(*store, digest));
        CPPUNIT_ASSERT_EQUAL(std::string("def"), get(*store, put(*store, "def")));
    }

    void refusesASecondCommit() {
        const auto store = make();
        auto work = call();
        const auto ingest = store->ingest(work, 3);
        ingest->write("abc", 3);
        ingest->commit(Digest::of("abc"));
        CPPUNIT_ASSERT(!errorOf([&] { ingest->commit(Digest::of("abc")); }).empty());
        CPPUNIT_ASSERT(!errorOf([&] { ingest->write("d", 1); }).empty());
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), get(*store, Digest::of("abc")));
    }

    void stopsAVisitAtTheDeadline() {
        const auto store = make();
        put(*store, "abc");
        Call late("late", Call::Clock::now() - std::chrono::seconds(1));
        assertContains(errorOf([&] { store->visit(late, [](const StoredBlob&) {}); }), "deadline passed while reading");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DiskStoreTest);
