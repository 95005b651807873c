// SPDX-License-Identifier: Apache-2.0
#include "DiskFixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <set>

using namespace wasmproxy;

namespace {

/// A forked process that can be killed, and the pipe it talks through. ~Child kills it.
class Child {
public:
    explicit Child(const std::function<void(int)>& body) {
        int ends[2];
        CPPUNIT_ASSERT_EQUAL(0, ::pipe(ends));
        _pid = ::fork();
        CPPUNIT_ASSERT(_pid >= 0);
        if (_pid == 0) {
            ::close(ends[0]);
            try {
                body(ends[1]);
            } catch (const std::exception& error) {
                std::cerr << "child: " << error.what() << std::endl;
            }
            ::_exit(1);
        }
        ::close(ends[1]);
        _pipe = ends[0];
    }
    ~Child() {
        kill();
        ::close(_pipe);
    }
    pid_t pid() const { return _pid; }
    /// Waits for `size` bytes; "" if the child ended before.
    std::string read(std::size_t size) const {
        std::string result(size, '\0');
        for (std::size_t at = 0; at < size;) {
            const ssize_t got = ::read(_pipe, result.data() + at, size - at);
            if (got <= 0) return {};
            at += static_cast<std::size_t>(got);
        }
        return result;
    }
    void kill() {
        if (_pid <= 0) return;
        ::kill(_pid, SIGKILL);
        ::waitpid(_pid, nullptr, 0);
        _pid = 0;
    }

private:
    pid_t _pid = 0;
    int _pipe = -1;
};

void say(int pipe, const std::string& text) {
    if (::write(pipe, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(2);
}

constexpr std::size_t DigestLength = 71;

} // namespace

class DiskCrashTest : public DiskFixture {
    CPPUNIT_TEST_SUITE(DiskCrashTest);
    CPPUNIT_TEST(namesTheOtherProcess);
    CPPUNIT_TEST(survivesAKillInTheMiddleOfAnIngest);
    CPPUNIT_TEST(losesNothingCommittedWhenKilledAtAnyTime);
    CPPUNIT_TEST(saysWhenTheDiskIsFullAndRecovers);
    CPPUNIT_TEST(keepsNothingHalfOnAFullDisk);
    CPPUNIT_TEST(saysWhenTheDiskIsReadOnly);
    CPPUNIT_TEST_SUITE_END();

public:
    void namesTheOtherProcess() {
        Child child([&](int pipe) {
            const auto store = make();
            say(pipe, "r");
            ::pause();
        });
        CPPUNIT_ASSERT_EQUAL(std::string("r"), child.read(1));
        assertContains(errorOf([&] { make(); }), "in use by the process with pid " + std::to_string(child.pid()));
        child.kill();
        make(); // the lock went with its process
    }

    void survivesAKillInTheMiddleOfAnIngest() {
        const std::string kept(50000, 'k');
        Child child([&](int pipe) {
            const auto store = make();
            put(*store, kept);
            auto work = call();
            const auto ingest = store->ingest(work, 1 << 20);
            const std::string half(1 << 19, 'h');
            ingest->write(half.data(), half.size());
            say(pipe, "r");
            ::pause();
        });
        CPPUNIT_ASSERT_EQUAL(std::string("r"), child.read(1));
        child.kill();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), filesIn(directory + "/ingest"));
        const auto store = make();
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), filesIn(directory + "/ingest"));
        CPPUNIT_ASSERT((visited(*store) == std::map<Digest, std::uint64_t>{{Digest::of(kept), kept.size()}}));
        CPPUNIT_ASSERT(get(*store, Digest::of(kept)) == kept);
        const auto lines = host.take();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), lines.size());
        assertContains(lines[0], "removed 1 unfinished ingest");
    }

    void losesNothingCommittedWhenKilledAtAnyTime() {
        std::set<std::string> committed;
        for (int round = 0; round < 20; ++round) {
            Child child([&](int pipe) {
                const auto store = make();
                for (int i = 0;; ++i)
                    say(pipe,
                        put(*store, std::to_string(round) + "/" + std::to_string(i) + std::string(20000, 'x')).str());
            });
            for (int i = 0; i <= round % 5; ++i) {
                const std::string digest = child.read(DigestLength);
                CPPUNIT_ASSERT_EQUAL(DigestLength, digest.size());
                committed.insert(digest);
            }
            ::usleep(static_cast<useconds_t>(round * 37 % 400)); // somewhere in the next ingest
            child.kill();
            const auto store = make();
            CPPUNIT_ASSERT_EQUAL(std::size_t(0), filesIn(directory + "/ingest"));
            const auto shown = visited(*store);
            for (const std::string& digest : committed)
                CPPUNIT_ASSERT_MESSAGE(digest, shown.count(Digest::parse(digest)) == 1);
            for (const auto& blob : shown)
                CPPUNIT_ASSERT_EQUAL(blob.first.str(), Digest::of(get(*store, blob.first)).str());
        }
    }

    void saysWhenTheDiskIsFullAndRecovers() {
        if (!mountSmall()) return;
        {
            const auto store = make();
            const std::string kept(300 << 10, 'k');
            put(*store, kept);
            const std::string much(900 << 10, 'm');
            auto work = call();
            const auto ingest = store->ingest(work, much.size());
            const std::string text = errorOf([&] { ingest->write(much.data(), much.size()); });
            assertContains(text, "STORAGE_FAULT: cannot write " + directory + "/ingest/");
            assertContains(text, "No space left on device [free space");
            CPPUNIT_ASSERT_EQUAL(std::size_t(0), filesIn(directory + "/ingest"));
            CPPUNIT_ASSERT(!errorOf([&] { ingest->commit(Digest::of(much)); }).empty());
            CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), get(*store, Digest::of(much)));
            CPPUNIT_ASSERT(get(*store, Digest::of(kept)) == kept);
            CPPUNIT_ASSERT(store->remove(work, Digest::of(kept)));
            put(*store, much);
            CPPUNIT_ASSERT(get(*store, Digest::of(much)) == much);
        }
        ::umount2(directory.c_str(), MNT_DETACH);
    }

    void keepsNothingHalfOnAFullDisk() {
        if (!mountSmall(",nr_inodes=40")) return; // full of bytes or of files, whichever comes first
        {
            const auto store = make();
            int failures = 0;
            for (int i = 0; i < 1000; ++i) {
                const std::string bytes = std::to_string(i) + std::string(i * 7919 % 120000, 'x');
                if (errorOf([&] { put(*store, bytes); }).empty()) {
                    CPPUNIT_ASSERT(get(*store, Digest::of(bytes)) == bytes);
                } else {
                    ++failures;
                    CPPUNIT_ASSERT_EQUAL(std::string("<absent>"), get(*store, Digest::of(bytes)));
                    const auto shown = visited(*store);
                    CPPUNIT_ASSERT(!shown.empty());
                    for (const auto& blob : shown)
                        CPPUNIT_ASSERT_EQUAL(blob.first.str(), Digest::of(get(*store, blob.first)).str());
                    auto work = call();
                    for (const auto& blob : shown)
                        CPPUNIT_ASSERT(store->remove(work, blob.first));
                    // The shards stay: this is the operator's way to give their files' share back.
                    std::filesystem::remove_all(directory + "/blobs");
                }
                CPPUNIT_ASSERT_EQUAL(std::size_t(0), filesIn(directory + "/ingest"));
            }
            CPPUNIT_ASSERT(failures > 10);
        }
        ::umount2(directory.c_str(), MNT_DETACH);
    }

    void saysWhenTheDiskIsReadOnly() {
        if (!mountSmall()) return;
        put(*make(), "abc");
        CPPUNIT_ASSERT_EQUAL(0, ::mount("", directory.c_str(), "", MS_REMOUNT | MS_RDONLY, ""));
        const std::string text = errorOf([&] { make(); });
        ::umount2(directory.c_str(), MNT_DETACH);
        assertContains(text, "STORAGE_FAULT: cannot write " + directory + "/lock: Read-only file system [mount the");
    }

private:
    /// A file system of 1 MiB at `directory`, seen by this process alone; false where that needs rights we lack.
    bool mountSmall(const std::string& options = {}) {
        std::filesystem::create_directory(directory);
        if (::unshare(CLONE_NEWNS) == 0 && ::mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0 &&
            ::mount("tmpfs", directory.c_str(), "tmpfs", 0, ("size=1m,mode=0700" + options).c_str()) == 0)
            return true;
        std::cout << " (skipped, cannot mount a tmpfs: " << std::strerror(errno) << ")" << std::flush;
        return false;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DiskCrashTest);
