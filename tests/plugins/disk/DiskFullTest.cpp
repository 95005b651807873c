// SPDX-License-Identifier: Apache-2.0
#include "DiskFixture.h"

#include <fcntl.h>
#include <iostream>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace wasmproxy;

/// On a file system of 1 MiB that is full at every 4 KiB of an ingest.
class DiskFullTest : public DiskFixture {
    CPPUNIT_TEST_SUITE(DiskFullTest);
    CPPUNIT_TEST(fullAtEveryPage);
    CPPUNIT_TEST_SUITE_END();

    static constexpr std::size_t Page = 4096;
    static constexpr std::size_t Pages = 48; // of the ingest
    static constexpr int NoTmpfs = 77;

    static void require(bool good, const std::string& what) {
        if (good) return;
        std::cerr << what << std::endl;
        ::_exit(1);
    }

    /// Fills it but for so many pages.
    static void leave(const std::string& file, std::size_t pages) {
        struct statvfs space {};
        require(::statvfs(file.substr(0, file.rfind('/')).c_str(), &space) == 0, "statvfs");
        const auto free = space.f_bavail * space.f_bsize / Page;
        const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        const auto bytes = static_cast<off_t>((free - pages) * Page);
        require(free > pages && ::posix_fallocate(descriptor, 0, bytes) == 0, "filling the disk");
        ::close(descriptor);
    }

    void onTheSmallDisk() {
        const auto store = make();
        const auto kept = put(*store, "kept");
        std::string content(Pages * Page, '\0');
        for (std::size_t i = 0; i < content.size(); ++i)
            content[i] = static_cast<char>(i / 7);
        const auto digest = Digest::of(content);
        const auto filler = *root / "filler";
        std::size_t failed = 0;
        for (std::size_t pages = 0; pages <= Pages + 8; ++pages) {
            leave(filler, pages);
            const auto error = errorOf([&] { put(*store, content); });
            const auto where = "with " + std::to_string(pages) + " pages left: ";
            if (!error.empty()) {
                ++failed;
                require(error.find("STORAGE_FAULT") == 0 && error.find("No space left on device") != error.npos &&
                            error.find("free space") != error.npos,
                        where + error);
                require(get(*store, digest) == "<absent>" && visited(*store).size() == 1, where + "half visible");
            } else {
                require(get(*store, digest) == content, where + "wrong content");
                auto work = call();
                require(store->remove(work, digest), where + "not removed");
            }
            require(filesIn(directory + "/ingest") == 0, where + "a temporary file was left");
            require(get(*store, kept) == "kept", where + "what was there before is not served");
            ::unlink(filler.c_str());
            require(errorOf([&] { put(*store, content); }).empty() && get(*store, digest) == content,
                    where + "there is space again, and it does not work");
            auto work = call();
            store->remove(work, digest);
        }
        require(failed >= Pages, "it was full " + std::to_string(failed) + " times only");
    }

    void fullAtEveryPage() {
        const auto child = ::fork();
        if (child == 0) {
            if (::unshare(CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0 ||
                ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                ::mount("none", root->path().c_str(), "tmpfs", 0, "size=1m") != 0)
                ::_exit(NoTmpfs);
            try {
                onTheSmallDisk();
            } catch (const std::exception& error) {
                require(false, error.what());
            }
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        CPPUNIT_ASSERT(WIFEXITED(status));
        if (WEXITSTATUS(status) == NoTmpfs) {
            std::cout << "SKIPPED: no tmpfs can be mounted here\n";
            return;
        }
        CPPUNIT_ASSERT_EQUAL(0, WEXITSTATUS(status));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DiskFullTest);
