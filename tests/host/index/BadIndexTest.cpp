// SPDX-License-Identifier: Apache-2.0
#include "IndexFixture.h"

#include "support/ExpectError.h"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>
#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using wasmproxy::test::expectError;
using namespace std::chrono_literals;

namespace {

void execute(const std::string& path, const std::string& sql) {
    Poco::Data::SQLite::Connector::registerConnector();
    Poco::Data::Session session("SQLite", path, 1);
    session << sql, Poco::Data::Keywords::now;
}

/// Runs `action` in a child, as a user who is not root where `unprivileged`, and returns its exit code.
template <class Action>
int inChild(bool unprivileged, Action action) {
    const auto child = ::fork();
    if (child == 0) {
        try {
            if (unprivileged && ::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(90);
            const int code = action();
            ::_exit(code);
        } catch (const std::exception& e) {
            std::cerr << e.what() << std::endl;
            ::_exit(99);
        }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

} // namespace

class BadIndexTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BadIndexTest);
    CPPUNIT_TEST(noFolder);
    CPPUNIT_TEST(notAFile);
    CPPUNIT_TEST(notADatabase);
    CPPUNIT_TEST(newerSchema);
    CPPUNIT_TEST(anotherProgramsDatabase);
    CPPUNIT_TEST(missingTable);
    CPPUNIT_TEST(truncated);
    CPPUNIT_TEST(flippedBits);
    CPPUNIT_TEST(damagedRowsAreSkipped);
    CPPUNIT_TEST(inUse);
    CPPUNIT_TEST(readOnlyFolder);
    CPPUNIT_TEST(readOnlyFile);
    CPPUNIT_TEST(unreadableFile);
    CPPUNIT_TEST(fullDisk);
    CPPUNIT_TEST(brokenWhileRunning);
    CPPUNIT_TEST(copyHelps);
    CPPUNIT_TEST(aLostDatabaseComesFromTheCopy);
    CPPUNIT_TEST(anOlderProgramReadsTheCopyUpToWhatItKnows);
    CPPUNIT_TEST_SUITE_END();

    static Reference tag(int number) { return Reference::parse("a.io/x:v" + std::to_string(number)); }

    void fill(int count, int accesses = 0) {
        DigestIndex index(settings(_path));
        for (int i = 0; i < count; ++i) {
            index.recordTag(tag(i), digest(i));
            index.link(digest(i), Repository("a.io", "x"));
        }
        for (int i = 0; i < accesses; ++i)
            index.recordAccess({digest(i), "reference", "caller", std::chrono::system_clock::now()});
    }

    /// The file is moved away, and a new one works.
    void expectReplaced(const std::string& what, int number = 1, bool untouched = true) {
        const auto bytes = readFile(_path);
        std::filesystem::remove(_path + ".copy");
        const std::string expected = _path + ".bad-" + std::to_string(number);
        {
            const auto begin = std::chrono::steady_clock::now();
            DigestIndex index(settings(_path));
            CPPUNIT_ASSERT_MESSAGE(what, std::chrono::steady_clock::now() - begin < 2s);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(what, expected, index.setAside());
            CPPUNIT_ASSERT_MESSAGE(what, !index.tag(tag(0)) && index.links(digest(0)).empty());
            index.recordTag(tag(1), digest(2));
        }
        CPPUNIT_ASSERT_MESSAGE(what, !untouched || bytes == readFile(expected));
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT_MESSAGE(what, index.setAside().empty() && index.tag(tag(1))->digest == digest(2));
    }

    TemporaryFolder _folder;
    std::string _path = _folder / "index.db";

    void noFolder() {
        const auto begin = std::chrono::steady_clock::now();
        expectError("missing", ErrorCode::StorageFault, "/proc/no/such is not a folder",
                    [] { DigestIndex index(settings("/proc/no/such/index.db")); });
        writeFile(_path, "");
        expectError("a file", ErrorCode::StorageFault, "index.db is not a folder",
                    [&] { DigestIndex index(settings(_path + "/index.db")); });
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begin < 500ms);
    }

    void notAFile() {
        std::filesystem::create_directory(_path);
        expectError("folder", ErrorCode::StorageFault, "not a regular file",
                    [&] { DigestIndex index(settings(_path)); });
        std::filesystem::remove(_path);
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(_path.c_str(), 0600));
        expectError("fifo", ErrorCode::StorageFault, "not a regular file", [&] { DigestIndex index(settings(_path)); });
    }

    void notADatabase() {
        std::mt19937 random(7);
        int number = 0;
        for (const std::size_t size : {15u, 100u, 512u, 4096u, 100000u}) {
            std::string bytes(size, '\0');
            for (auto& c : bytes)
                c = static_cast<char>(random());
            std::filesystem::remove(_path);
            writeFile(_path, bytes);
            expectReplaced("random " + std::to_string(size), ++number);
        }
        std::filesystem::remove(_path);
        writeFile(_path, ""); // as `touch` leaves it: new, not bad
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(index.setAside().empty());
    }

    void newerSchema() {
        fill(1);
        execute(_path, "PRAGMA user_version = 2");
        expectReplaced("newer");
    }

    void anotherProgramsDatabase() {
        execute(_path, "CREATE TABLE t(x)");
        expectReplaced("another program's");
    }

    void missingTable() {
        fill(1);
        execute(_path, "DROP TABLE links");
        expectReplaced("missing table");
        std::filesystem::remove(_path);
        fill(1);
        execute(_path, "ALTER TABLE tags RENAME COLUMN digest TO other");
        expectReplaced("missing column", 2, false); // noticed by its rows only
    }

    void truncated() {
        fill(200);
        const auto whole = readFile(_path);
        CPPUNIT_ASSERT(whole.size() > 20000);
        for (const std::size_t size : {whole.size() / 2, whole.size() - 1000, std::size_t(4096), std::size_t(50)}) {
            writeFile(_path, whole.substr(0, size));
            std::filesystem::remove(_path + ".copy");
            DigestIndex index(settings(_path));
            CPPUNIT_ASSERT_MESSAGE(std::to_string(size), !index.setAside().empty());
            index.recordTag(tag(1), digest(2));
        }
    }

    /// Whatever is flipped: it starts, never with a wrong row, and can be written.
    void flippedBits() {
        fill(100);
        const auto whole = readFile(_path);
        std::filesystem::remove(_path + ".copy");
        std::mt19937 random(11);
        int setAside = 0;
        for (int round = 0; round < 90; ++round) {
            auto bytes = whole;
            const auto offset = round < 50 ? static_cast<std::size_t>(round) + 16 : random() % whole.size();
            bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << (random() % 8)));
            writeFile(_path, bytes);
            const std::string where = "offset " + std::to_string(offset);
            try {
                DigestIndex index(settings(_path));
                setAside += index.setAside().empty() ? 0 : 1;
                for (int i = 0; i < 100; ++i) {
                    const auto record = index.tag(tag(i));
                    CPPUNIT_ASSERT_MESSAGE(where, !record || record->digest == digest(i));
                    for (const auto& repository : index.links(digest(i)))
                        CPPUNIT_ASSERT_MESSAGE(where, repository == Repository("a.io", "x"));
                }
                index.recordTag(tag(500), digest(500));
                index.recordAccess({digest(1), "r", "c", std::chrono::system_clock::now()});
                CPPUNIT_ASSERT_MESSAGE(where, index.accesses(10).size() <= 1);
            } catch (const Error& e) {
                CPPUNIT_FAIL(where + ": " + e.what());
            }
            for (const auto& entry : std::filesystem::directory_iterator(_folder.path()))
                std::filesystem::remove(entry);
        }
        CPPUNIT_ASSERT(setAside > 10 && setAside < 90);
    }

    void damagedRowsAreSkipped() {
        fill(4);
        execute(_path, "UPDATE tags SET digest = '" + digest(77).str() + "' WHERE reference = 'a.io/x:v1'");
        execute(_path, "UPDATE tags SET digest = 'sha256:../../x' WHERE reference = 'a.io/x:v2'");
        execute(_path, "UPDATE links SET host = 'evil.io' WHERE digest = '" + digest(3).str() + "'");
        execute(_path, "INSERT INTO contents VALUES('x', -1, 'text', 0)");
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(index.setAside().empty());
        CPPUNIT_ASSERT(index.tag(tag(0)) && !index.tag(tag(1)) && !index.tag(tag(2)) && index.tag(tag(3)));
        CPPUNIT_ASSERT(index.links(digest(3)).empty() && index.contentsByAge().empty());
        CPPUNIT_ASSERT(index.linked(digest(2), Repository("a.io", "x")));
    }

    /// A second process must not take the file for bad and move it from under the first.
    void inUse() {
        int ready[2];
        CPPUNIT_ASSERT_EQUAL(0, ::pipe(ready));
        // Forked before this process has the index open, with its thread and locks.
        const auto child = ::fork();
        if (child == 0) {
            char byte = 0;
            if (::read(ready[0], &byte, 1) != 1) ::_exit(3);
            try {
                DigestIndex second(settings(_path));
            } catch (const Error& e) {
                ::_exit(e.hint().find("another process") != std::string::npos ? 0 : 1);
            }
            ::_exit(2);
        }
        DigestIndex index(settings(_path));
        index.recordTag(tag(1), digest(1));
        CPPUNIT_ASSERT_EQUAL(ssize_t(1), ::write(ready[1], "x", 1));
        int status = 0;
        ::waitpid(child, &status, 0);
        ::close(ready[0]);
        ::close(ready[1]);
        CPPUNIT_ASSERT(WIFEXITED(status));
        CPPUNIT_ASSERT_EQUAL(0, WEXITSTATUS(status));
        index.recordTag(tag(2), digest(2));
        CPPUNIT_ASSERT(!std::filesystem::exists(_path + ".bad-1"));
    }

    /// What a start finds where it can neither write nor rename.
    int workingInMemory() {
        return inChild(true, [&] {
            DigestIndex index(settings(_path));
            if (!index.inMemory() || !index.setAside().empty() || index.tag(tag(2))) return 1;
            index.recordTag(tag(1), digest(1));
            index.recordAccess({digest(1), "reference", "caller", std::chrono::system_clock::now()});
            if (!eventually([&] { return index.accesses(10).size() == 1; })) return 2;
            return index.tag(tag(1))->digest == digest(1) ? 0 : 3;
        });
    }

    void readOnlyFolder() {
        ::chmod(_folder.path().c_str(), 0555);
        CPPUNIT_ASSERT_EQUAL(0, workingInMemory());
        ::chmod(_folder.path().c_str(), 0777);
        std::ofstream(_path) << "no database";
        ::chmod(_path.c_str(), 0444);
        ::chmod(_folder.path().c_str(), 0555);
        CPPUNIT_ASSERT_EQUAL(0, workingInMemory());
        CPPUNIT_ASSERT_EQUAL(std::string("no database"), readFile(_path));
    }

    void readOnlyFile() {
        fill(3);
        for (const mode_t folder : {0555, 0777}) {
            ::chmod(_path.c_str(), 0444);
            ::chmod(_folder.path().c_str(), folder);
            CPPUNIT_ASSERT_EQUAL(0, inChild(true, [&] {
                                     DigestIndex index(settings(_path));
                                     if (!index.setAside().empty() || !index.tag(tag(2))) return 1;
                                     try {
                                         index.recordTag(tag(2), digest(9));
                                         return 2;
                                     } catch (const Error& e) {
                                         if (e.code() != ErrorCode::StorageFault) return 3;
                                         if (std::string(e.what()).find(_path) == std::string::npos) return 4;
                                         if (e.hint().find("writable") == std::string::npos) return 5;
                                     }
                                     return index.tag(tag(2))->digest == digest(9) ? 0 : 6; // memory stays right
                                 }));
        }
    }

    void unreadableFile() {
        fill(3);
        ::chmod(_path.c_str(), 0);
        ::chmod(_folder.path().c_str(), 0777);
        CPPUNIT_ASSERT_EQUAL(0, inChild(true, [&] {
                                 DigestIndex index(settings(_path));
                                 index.recordTag(tag(1), digest(1));
                                 return index.setAside() == _path + ".bad-1" ? 0 : 1;
                             }));
        ::chmod(_path.c_str(), 0);
        ::chmod(_folder.path().c_str(), 0555);
        CPPUNIT_ASSERT_EQUAL(0, workingInMemory());
    }

    /// No space: an error to the caller, memory right, and the disk catches up once there is space again.
    void fullDisk() {
        fill(3);
        const int code = inChild(false, [&] {
            std::signal(SIGXFSZ, SIG_IGN);
            rlimit whole{};
            ::getrlimit(RLIMIT_FSIZE, &whole);
            {
                DigestIndex index(settings(_path));
                rlimit none = whole;
                none.rlim_cur = 0;
                ::setrlimit(RLIMIT_FSIZE, &none);
                for (int i = 0; i < 3; ++i) {
                    try {
                        index.recordTag(tag(10 + i), digest(10 + i));
                        return 1;
                    } catch (const Error& e) {
                        if (e.code() != ErrorCode::StorageFault) return 2;
                    }
                    if (!index.tag(tag(10 + i))) return 3;
                }
                try {
                    index.forgetTag(tag(0));
                    return 4;
                } catch (const Error&) {
                    if (index.tag(tag(0))) return 5;
                }
                ::setrlimit(RLIMIT_FSIZE, &whole);
            } // the last attempt is made at the end
            return 0;
        });
        CPPUNIT_ASSERT_EQUAL(0, code);
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(index.setAside().empty());
        CPPUNIT_ASSERT(!index.tag(tag(0)) && index.tag(tag(1)) && index.tag(tag(10)) && index.tag(tag(12)));
        CPPUNIT_ASSERT(index.linked(digest(0), Repository("a.io", "x")));
    }

    /// Another hand overwrites the file under the running process: it is replaced from memory, without an error.
    void brokenWhileRunning() {
        fill(300, 5000);
        std::filesystem::remove(_path + ".copy");
        {
            DigestIndex index(settings(_path));
            const auto size = std::filesystem::file_size(_path);
            std::fstream file(_path, std::ios::binary | std::ios::in | std::ios::out);
            file.seekp(4096);
            file << std::string(size - 4096, 'x');
            file.close();
            CPPUNIT_ASSERT(index.accesses(100000).empty()); // this is where it is noticed
            CPPUNIT_ASSERT(std::filesystem::exists(_path + ".bad-1"));
            index.recordTag(tag(1), digest(1001));
            index.recordAccess({digest(1), "again", "caller", std::chrono::system_clock::now()});
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), index.accesses(10).size());
            CPPUNIT_ASSERT(index.setAside().empty()); // it was good at start
        }
        DigestIndex index(settings(_path));
        CPPUNIT_ASSERT(index.setAside().empty());
        CPPUNIT_ASSERT(index.tag(tag(1))->digest == digest(1001));
        for (int i = 0; i < 300; ++i)
            CPPUNIT_ASSERT(index.tag(tag(i)) && index.linked(digest(i), Repository("a.io", "x")));
    }

    void copyHelps() {
        const Repository repository("a.io", "x");
        fill(3);
        const auto copy = readFile(_path + ".copy");
        for (int round = 1; round < 4; ++round) {
            writeFile(_path, std::string(10000, 'x'));
            {
                DigestIndex index(settings(_path));
                CPPUNIT_ASSERT(!index.setAside().empty());
                for (int i = 0; i < 3; ++i)
                    CPPUNIT_ASSERT(index.tag(tag(i))->digest == digest(i) && index.linked(digest(i), repository));
                CPPUNIT_ASSERT(!index.linked(digest(0), Repository("a.io", "y")));
            }
            DigestIndex index(settings(_path)); // and it was written to the new database
            CPPUNIT_ASSERT(index.setAside().empty() && index.tag(tag(2)));
        }
        auto flipped = copy;
        flipped[flipped.find("sha256:") + 10] ^= 1;
        for (const auto& bad : {std::string(), std::string("x"), copy.substr(1), copy.substr(0, copy.size() - 1),
                                copy + "x", std::string(1000, '\n'), flipped}) {
            writeFile(_path, std::string(10000, 'x'));
            writeFile(_path + ".copy", bad);
            DigestIndex index(settings(_path));
            for (int i = 0; i < 3; ++i)
                CPPUNIT_ASSERT(!index.tag(tag(i)) && !index.linked(digest(i), repository));
        }
    }

    static ModuleRecord module() {
        ModuleRecord record;
        record.manifest = digest(1);
        record.module = digest(2);
        record.size = 123;
        record.layout = "compat";
        record.entry = "./a dir/plug-in %41\n.wasm";
        record.pulledAt = std::chrono::system_clock::time_point(1764000000s);
        return record;
    }

    void aLostDatabaseComesFromTheCopy() {
        {
            DigestIndex index(settings(_path));
            index.recordModule(module(), Repository("a.io", "x"));
            index.recordTag(tag(1), digest(1));
        }
        for (const char* suffix : {"", "-wal", "-shm"})
            std::filesystem::remove(_path + suffix);
        for (int round = 0; round < 2; ++round) { // the second time from the database
            DigestIndex index(settings(_path));
            CPPUNIT_ASSERT(index.setAside().empty());
            CPPUNIT_ASSERT(index.tag(tag(1)) && index.linked(digest(2), Repository("a.io", "x")));
            const auto record = index.module(digest(1));
            CPPUNIT_ASSERT(record && record->module == digest(2) && record->size == 123);
            CPPUNIT_ASSERT(record->selectedManifest.empty() && record->layer.empty() && record->proxyAbi.empty());
            CPPUNIT_ASSERT_EQUAL(module().layout + "|" + module().entry, record->layout + "|" + record->entry);
            CPPUNIT_ASSERT(record->pulledAt == module().pulledAt);
        }
    }

    /// Tags and links come first, and what older programs do not know comes last.
    void anOlderProgramReadsTheCopyUpToWhatItKnows() {
        {
            DigestIndex index(settings(_path));
            index.recordModule(module(), Repository("a.io", "x"));
            index.recordTag(tag(1), digest(1));
            index.recordTag(tag(1), digest(4));
            index.pin(digest(1));
        }
        const auto copy = readFile(_path + ".copy");
        const auto at = [&](const char* kind) { return copy.find("\n" + std::string(kind) + " "); };
        CPPUNIT_ASSERT(at("tag") < at("pin") && copy.rfind("\nlink ") < at("pin") && at("pin") < at("module"));
        CPPUNIT_ASSERT(at("module") != std::string::npos);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BadIndexTest);
