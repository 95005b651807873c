// SPDX-License-Identifier: Apache-2.0
// What becomes of libraries that come, change and go while the process runs.
#include "LibraryFolder.h"

#include <poll.h>

using namespace wasmproxy;
using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wasmproxy::host::PluginCatalog;
using wasmproxy::host::PluginState;
using Clock = std::chrono::steady_clock;

class PluginDropInTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginDropInTest);
    CPPUNIT_TEST(aReplacementIsANewLibraryBesideTheOld);
    CPPUNIT_TEST(aBadReplacementLeavesTheOldInUse);
    CPPUNIT_TEST(theSameBytesAreOpenedOnce);
    CPPUNIT_TEST(whatIsRemovedStaysInUse);
    CPPUNIT_TEST(aRenamedFileIsTheSamePlugin);
    CPPUNIT_TEST(aFileThatHoldsAnotherPlugin);
    CPPUNIT_TEST(theSecondOfTwoWaitsForTheFirstToGo);
    CPPUNIT_TEST(rightsThatChange);
    CPPUNIT_TEST(namesWithDots);
    CPPUNIT_TEST(checksRunAtOnce);
    CPPUNIT_TEST(aLookWaitsForNobody);
    CPPUNIT_TEST(endsWhileAPluginIsChecked);
    CPPUNIT_TEST(aDirectoryThatIsOfNoUse);
    CPPUNIT_TEST_SUITE_END();

    static void state(const char* expected, const PluginCatalog& catalog, const std::string& file) {
        const auto found = stateOf(catalog, file);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(file + ": " + found.reason, std::string(expected), found.state);
    }
    /// Looks until all is known.
    static PluginCatalog::Look settle(PluginCatalog& catalog) {
        PluginCatalog::Look all;
        for (;;) {
            const auto look = catalog.look();
            all.changed.insert(all.changed.end(), look.changed.begin(), look.changed.end());
            all.opened = all.opened || look.opened;
            if (!look.checking) return all;
            wait(catalog);
        }
    }
    static void wait(PluginCatalog& catalog) {
        pollfd ended{catalog.checkedDescriptor(), POLLIN, 0};
        CPPUNIT_ASSERT_EQUAL(1, ::poll(&ended, 1, 60000));
    }

    void aReplacementIsANewLibraryBesideTheOld() {
        folder.install("one", "one.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        const auto* old = catalog.find(CredentialSource::Seam, "one");
        const auto before = std::chrono::system_clock::now();
        CPPUNIT_ASSERT(stateOf(catalog, "one.so").loadedAt <= before);
        folder.install("newer", "one.so");
        const auto look = settle(catalog);
        CPPUNIT_ASSERT(look.opened);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), look.changed.size());
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), look.changed[0].version);
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "one") != old);
        CPPUNIT_ASSERT_EQUAL(std::string("one"), std::string(old->name())); // still there for those who have it
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), catalog.factories(CredentialSource::Seam).size());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), catalog.plugins().size());
        state("loaded", catalog, "one.so");
        CPPUNIT_ASSERT(stateOf(catalog, "one.so").loadedAt >= before);
    }

    void aBadReplacementLeavesTheOldInUse() {
        folder.install("one", "one.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        folder.install("bad_constructor_throws", "one.so");
        auto look = settle(catalog);
        CPPUNIT_ASSERT(!look.opened);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), look.changed.size());
        state("outdated", catalog, "one.so");
        const auto both = stateOf(catalog, "one.so");
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), both.version);
        contains("one 1.2.3 stays in use", both.reason);
        contains("one.so crashed while it was opened", both.reason);
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), versionOfOne(catalog));
        CPPUNIT_ASSERT(settle(catalog).changed.empty());
        folder.write("one.so", "not even a library");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), settle(catalog).changed.size());
        contains("is not an ELF file", stateOf(catalog, "one.so").reason);
        folder.install("newer", "one.so");
        CPPUNIT_ASSERT(settle(catalog).opened);
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
        state("loaded", catalog, "one.so");
    }

    void theSameBytesAreOpenedOnce() {
        folder.install("one", "one.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        const auto* old = catalog.find(CredentialSource::Seam, "one");
        folder.install("one", "one.so"); // once more
        auto look = settle(catalog);
        CPPUNIT_ASSERT(!look.opened && look.changed.empty());
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "one") == old);
        folder.install("newer", "one.so");
        settle(catalog);
        folder.install("one", "one.so"); // back again
        look = settle(catalog);
        CPPUNIT_ASSERT(look.opened); // what uses the newer has to change
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "one") == old);
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), stateOf(catalog, "one.so").version);
    }

    void whatIsRemovedStaysInUse() {
        folder.install("one", "one.so");
        folder.write("text.so", "text");
        PluginCatalog catalog(folder.options());
        catalog.load();
        const auto* old = catalog.find(CredentialSource::Seam, "one");
        folder.remove("one.so");
        folder.remove("text.so");
        auto look = settle(catalog);
        CPPUNIT_ASSERT(!look.opened);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), look.changed.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), catalog.plugins().size());
        state("removed", catalog, "one.so");
        contains("in use until a restart", stateOf(catalog, "one.so").reason);
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "one") == old);
        CPPUNIT_ASSERT(settle(catalog).changed.empty());
        folder.install("one", "one.so");
        look = settle(catalog);
        CPPUNIT_ASSERT(!look.opened);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), look.changed.size());
        state("loaded", catalog, "one.so");
        CPPUNIT_ASSERT_EQUAL(std::string(), stateOf(catalog, "one.so").reason);
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "one") == old);
    }

    void aRenamedFileIsTheSamePlugin() {
        folder.install("one", "one.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        const auto* old = catalog.find(CredentialSource::Seam, "one");
        folder.rename("one.so", "one-1.2.3.so");
        settle(catalog);
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "one") == old);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), catalog.plugins().size());
        state("loaded", catalog, "one-1.2.3.so");
        // A newer version under another name takes over from one that is gone.
        folder.remove("one-1.2.3.so");
        folder.install("newer", "one-2.0.0.so");
        CPPUNIT_ASSERT(settle(catalog).opened);
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), catalog.plugins().size());
    }

    void aFileThatHoldsAnotherPlugin() {
        folder.install("one", "x.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        const auto* old = catalog.find(CredentialSource::Seam, "one");
        folder.install("two", "x.so");
        settle(catalog);
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "one") == old);
        CPPUNIT_ASSERT(catalog.find(CredentialSource::Seam, "two") != nullptr);
        const auto states = catalog.plugins();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), states.size());
        CPPUNIT_ASSERT_EQUAL(std::string("two loaded"), states[0].id + " " + states[0].state);
        CPPUNIT_ASSERT_EQUAL(std::string("one removed"), states[1].id + " " + states[1].state);
        contains("x.so holds two 1.2.3 now", states[1].reason);
        folder.rename("x.so", "y.so"); // then nothing is left of x.so but what it held at first
        settle(catalog);
        const auto after = catalog.plugins();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), after.size());
        CPPUNIT_ASSERT_EQUAL(std::string("x.so one removed"), after[0].file + " " + after[0].id + " " + after[0].state);
        CPPUNIT_ASSERT_EQUAL(std::string("y.so two loaded"), after[1].file + " " + after[1].id + " " + after[1].state);
    }

    void theSecondOfTwoWaitsForTheFirstToGo() {
        folder.install("rival", "rival.so"); // dropped in first, though later by name
        PluginCatalog catalog(folder.options());
        catalog.load();
        folder.install("one", "one.so");
        settle(catalog);
        state("refused", catalog, "one.so");
        contains("one.so offers credential-source one, which rival.so has already", stateOf(catalog, "one.so").reason);
        CPPUNIT_ASSERT_EQUAL(std::string("9.9.9"), versionOfOne(catalog));
        folder.remove("rival.so");
        CPPUNIT_ASSERT(settle(catalog).opened);
        state("loaded", catalog, "one.so");
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), versionOfOne(catalog));
        state("not listed", catalog, "rival.so"); // nothing is used of it
        // By a replacement, too.
        folder.install("newer", "three.so");
        settle(catalog);
        state("refused", catalog, "three.so");
        folder.install("two", "one.so");
        settle(catalog);
        CPPUNIT_ASSERT(!settle(catalog).checking);
        state("loaded", catalog, "three.so");
        CPPUNIT_ASSERT_EQUAL(std::string("2.0.0"), versionOfOne(catalog));
    }

    void rightsThatChange() {
        folder.install("one", "one.so");
        folder.install("two", "two.so");
        ::chmod((folder / "two.so").c_str(), 0646);
        PluginCatalog catalog(folder.options());
        catalog.load();
        state("refused", catalog, "two.so");
        ::chmod((folder / "two.so").c_str(), 0644);
        ::chmod((folder / "one.so").c_str(), 0666);
        settle(catalog);
        state("loaded", catalog, "two.so");
        state("outdated", catalog, "one.so");
        contains("one.so is writable by its group or by others", stateOf(catalog, "one.so").reason);
        ::chmod((folder / "one.so").c_str(), 0644);
        settle(catalog);
        state("loaded", catalog, "one.so");
    }

    void namesWithDots() {
        for (const char* name : {".one.so", ".so", "..one.so", "one.so.1", "one.so~"})
            folder.install("one", name);
        folder.install("two", "lib.two.1.2.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), catalog.plugins().size());
        state("loaded", catalog, "lib.two.1.2.so");
    }

    void checksRunAtOnce() {
        for (int i = 0; i < 12; ++i)
            folder.install("bad_constructor_hangs", "h" + std::to_string(i) + ".so");
        folder.install("one", "one.so");
        auto options = folder.options();
        options.checkTimeout = milliseconds(1500);
        PluginCatalog catalog(options);
        const auto before = Clock::now();
        catalog.load();
        const auto took = Clock::now() - before;
        CPPUNIT_ASSERT(took >= 3 * options.checkTimeout);
        CPPUNIT_ASSERT_MESSAGE("not four at once", took < 9 * options.checkTimeout);
        for (int i = 0; i < 12; ++i)
            contains("did not open within 1500 ms", stateOf(catalog, "h" + std::to_string(i) + ".so").reason);
        state("loaded", catalog, "one.so");
    }

    void aLookWaitsForNobody() {
        folder.install("two", "two.so");
        PluginCatalog catalog(folder.options()); // a minute for each check
        catalog.load();
        const auto before = Clock::now();
        folder.install("bad_constructor_hangs", "h.so");
        CPPUNIT_ASSERT(catalog.look().checking);
        state("checking", catalog, "h.so");
        folder.install("one", "one.so");
        for (bool opened = false; !opened; opened = catalog.look().opened) {
            CPPUNIT_ASSERT(catalog.look().checking);
            wait(catalog);
        }
        state("loaded", catalog, "one.so");
        state("checking", catalog, "h.so");
        folder.install("newer", "one.so");
        catalog.load(); // a reload's: the one that hangs has had its second
        CPPUNIT_ASSERT(Clock::now() - before < seconds(40));
        CPPUNIT_ASSERT_EQUAL(std::size_t(3), catalog.plugins().size());
        folder.remove("h.so");
        catalog.look();
        state("not listed", catalog, "h.so");
    }

    void endsWhileAPluginIsChecked() {
        const auto before = Clock::now();
        {
            PluginCatalog catalog(folder.options()); // a minute for each check
            for (int i = 0; i < 6; ++i)
                folder.install("bad_constructor_hangs", "h" + std::to_string(i) + ".so");
            CPPUNIT_ASSERT(catalog.look().checking);
        }
        CPPUNIT_ASSERT(Clock::now() - before < seconds(20));
    }

    void aDirectoryThatIsOfNoUse() {
        folder.install("one", "one.so");
        PluginCatalog catalog(folder.options());
        catalog.load();
        CPPUNIT_ASSERT_EQUAL(std::string(), catalog.problem());
        ::chmod(folder.path().c_str(), 0777);
        CPPUNIT_ASSERT_THROW(catalog.look(), Error);
        contains("is writable by its group or by others; chown it", catalog.problem());
        state("loaded", catalog, "one.so");
        CPPUNIT_ASSERT_EQUAL(std::string("1.2.3"), versionOfOne(catalog));
        ::chmod(folder.path().c_str(), 0755);
        settle(catalog);
        CPPUNIT_ASSERT_EQUAL(std::string(), catalog.problem());
    }

    LibraryFolder folder;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PluginDropInTest);
