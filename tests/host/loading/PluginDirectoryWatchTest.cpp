// SPDX-License-Identifier: Apache-2.0
#include "loading/PluginDirectoryWatch.h"

#include "LibraryFolder.h"

#include <condition_variable>
#include <mutex>

using namespace wasmproxy;
using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wasmproxy::host::PluginCatalog;
using wasmproxy::host::PluginDirectoryWatch;

class PluginDirectoryWatchTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginDirectoryWatchTest);
    CPPUNIT_TEST(tellsOfWhatIsDroppedIn);
    CPPUNIT_TEST(waitsForTheWholeFile);
    CPPUNIT_TEST(aPluginThatHangsHoldsUpNoOther);
    CPPUNIT_TEST(looksOnRequest);
    CPPUNIT_TEST(looksFromTimeToTime);
    CPPUNIT_TEST(followsTheDirectory);
    CPPUNIT_TEST(aFailureOfTheOwnersEndsNothing);
    CPPUNIT_TEST_SUITE_END();

    /// Counts what it is told.
    struct Told {
        std::mutex mutex;
        std::condition_variable changed;
        int times = 0;

        void operator()() {
            const std::lock_guard<std::mutex> lock(mutex);
            ++times;
            changed.notify_all();
        }
        bool reaches(int wanted, milliseconds time = seconds(60)) {
            std::unique_lock<std::mutex> lock(mutex);
            return changed.wait_for(lock, time, [&] { return times >= wanted; });
        }
    };

    /// Until the file has that state.
    static void becomes(const char* state, const PluginCatalog& catalog, const std::string& file) {
        const auto end = std::chrono::steady_clock::now() + seconds(60);
        while (stateOf(catalog, file).state != state && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(milliseconds(10));
        const auto found = stateOf(catalog, file);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(file + ": " + found.reason, std::string(state), found.state);
    }

    void tellsOfWhatIsDroppedIn() {
        PluginCatalog catalog(folder.options());
        catalog.load();
        folder.install("two", "two.so"); // before it watches
        Told told;
        PluginDirectoryWatch watch(
            catalog, [&] { told(); }, std::chrono::hours(1));
        CPPUNIT_ASSERT(told.reaches(1));
        folder.write("one.so", LibraryFolder::bytes("one"));
        CPPUNIT_ASSERT(told.reaches(2));
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), versionOfOne(catalog));
        folder.write("text.so", "text");
        becomes("refused", catalog, "text.so");
        folder.install("newer", "one.so");
        CPPUNIT_ASSERT(told.reaches(3));
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
        folder.remove("one.so");
        becomes("removed", catalog, "one.so");
        CPPUNIT_ASSERT(!told.reaches(4, milliseconds(0)));
    }

    void waitsForTheWholeFile() {
        folder.install("one", "one.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        Told told;
        PluginDirectoryWatch watch(
            catalog, [&] { told(); }, milliseconds(20)); // looks all the time
        CPPUNIT_ASSERT(watch.rescan(seconds(60)));
        const auto whole = LibraryFolder::bytes("newer");
        std::ofstream file(folder / "one.so", std::ios::binary | std::ios::trunc);
        file << whole.substr(0, whole.size() / 2) << std::flush;
        // A file beside it is looked at; what is half written is not.
        folder.install("two", "two.so");
        CPPUNIT_ASSERT(told.reaches(1));
        for (int i = 0; i < 20; ++i) {
            CPPUNIT_ASSERT(watch.rescan(seconds(60)));
            const auto reason = stateOf(catalog, "one.so").reason;
            CPPUNIT_ASSERT_MESSAGE(reason, reason.find("ELF") == std::string::npos &&
                                               reason.find("truncated") == std::string::npos);
        }
        file << whole.substr(whole.size() / 2);
        file.close();
        CPPUNIT_ASSERT(told.reaches(2));
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
    }

    void aPluginThatHangsHoldsUpNoOther() {
        PluginCatalog catalog(folder.options()); // a minute for each check
        catalog.load();
        Told told;
        PluginDirectoryWatch watch(
            catalog, [&] { told(); }, std::chrono::hours(1));
        folder.install("bad_constructor_hangs", "h.so");
        becomes("checking", catalog, "h.so");
        folder.install("one", "one.so");
        CPPUNIT_ASSERT(told.reaches(1, seconds(40)));
        CPPUNIT_ASSERT(!watch.rescan(milliseconds(100)));
        state("checking", catalog, "h.so");
    }

    void looksOnRequest() {
        PluginCatalog catalog(folder.options());
        catalog.load();
        Told told;
        PluginDirectoryWatch watch(
            catalog, [&] { told(); }, std::chrono::hours(1));
        folder.install("one", "one.so");
        CPPUNIT_ASSERT(watch.rescan(seconds(60)));
        state("loaded", catalog, "one.so");
        CPPUNIT_ASSERT(told.reaches(1, milliseconds(0))); // its owner has done what it does
        CPPUNIT_ASSERT(watch.rescan(seconds(60)));
    }

    void looksFromTimeToTime() {
        LibraryFolder elsewhere; // of which no event tells
        elsewhere.install("one", "x.so");
        CPPUNIT_ASSERT_EQUAL(0, ::symlink((elsewhere / "x.so").c_str(), (folder / "one.so").c_str()));
        PluginCatalog catalog(folder.options());
        catalog.load();
        Told told;
        PluginDirectoryWatch watch(
            catalog, [&] { told(); }, milliseconds(100));
        elsewhere.install("newer", "x.so");
        CPPUNIT_ASSERT(told.reaches(1));
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
    }

    void followsTheDirectory() {
        folder.install("one", "one.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        Told told;
        PluginDirectoryWatch watch(
            catalog, [&] { told(); }, std::chrono::hours(1));
        CPPUNIT_ASSERT(watch.rescan(seconds(60)));
        const auto away = folder.path() + ".away";
        CPPUNIT_ASSERT_EQUAL(0, std::rename(folder.path().c_str(), away.c_str()));
        for (int i = 0; i < 6000 && catalog.problem().empty(); ++i)
            std::this_thread::sleep_for(milliseconds(10));
        contains("No such file or directory", catalog.problem());
        state("loaded", catalog, "one.so");
        CPPUNIT_ASSERT_EQUAL(0, std::rename(away.c_str(), folder.path().c_str()));
        for (int i = 0; i < 6000 && !catalog.problem().empty(); ++i)
            std::this_thread::sleep_for(milliseconds(10));
        CPPUNIT_ASSERT_EQUAL(std::string(), catalog.problem());
        folder.install("newer", "one.so");
        CPPUNIT_ASSERT(told.reaches(1));
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
    }

    void aFailureOfTheOwnersEndsNothing() {
        PluginCatalog catalog(folder.options());
        catalog.load();
        Told told;
        PluginDirectoryWatch watch(
            catalog,
            [&] {
                told();
                throw std::runtime_error("no reload today");
            },
            std::chrono::hours(1));
        folder.install("one", "one.so");
        CPPUNIT_ASSERT(told.reaches(1));
        CPPUNIT_ASSERT(watch.rescan(seconds(60)));
        folder.install("two", "two.so");
        CPPUNIT_ASSERT(told.reaches(2));
    }

    static void state(const char* expected, const PluginCatalog& catalog, const std::string& file) {
        const auto found = stateOf(catalog, file);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(file + ": " + found.reason, std::string(expected), found.state);
    }

    LibraryFolder folder;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PluginDirectoryWatchTest);
