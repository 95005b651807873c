// SPDX-License-Identifier: Apache-2.0
// Mounts are of a namespace of our own, in a child process. Where that is not allowed (not root) nothing is asked.
#include "loading/LocationRules.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/File.h>
#include <Poco/TemporaryFile.h>
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <iostream>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

using wasmproxy::Error;
using wasmproxy::host::LocationRules;

class LocationRulesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LocationRulesTest);
    CPPUNIT_TEST(readOnlyMountsPass);
    CPPUNIT_TEST_SUITE_END();

public:
    void readOnlyMountsPass() {
        const auto directory = Poco::TemporaryFile::tempName();
        CPPUNIT_ASSERT_EQUAL(0, ::mkdir(directory.c_str(), 0755));
        const pid_t child = ::fork();
        if (child == 0) ::_exit(inChild(directory));
        int status = -1;
        CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, &status, 0));
        Poco::File(directory).remove(true);
        CPPUNIT_ASSERT(WIFEXITED(status));
        if (WEXITSTATUS(status) == NotAllowed) {
            std::cout << "(no mounts allowed here) ";
            return;
        }
        CPPUNIT_ASSERT_EQUAL(0, WEXITSTATUS(status));
    }

private:
    static constexpr int NotAllowed = 100;

    /// What an emptyDir that an init container filled looks like: 0777, files of any user.
    static int inChild(const std::string& directory) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("plugins", directory.c_str(), "tmpfs", 0, "mode=0777,size=1m") != 0) {
            return NotAllowed;
        }
        const auto file = directory + "/x.so";
        const int fd = ::open(file.c_str(), O_CREAT | O_WRONLY, 0666);
        if (fd < 0 || ::fchown(fd, 12345, 12345) != 0 || ::fchmod(fd, 0666) != 0 || ::close(fd) != 0) return 1;
        const LocationRules rules(true);
        if (!refused([&] { rules.directory(directory); })) return 2;
        if (!refused([&] { rules.file(file); })) return 3;
        if (::mount("plugins", directory.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 4;
        if (refused([&] { rules.directory(directory); })) return 5;
        if (refused([&] { rules.file(file); })) return 6;
        return 0;
    }

    template <class Function>
    static bool refused(Function function) {
        try {
            function();
            return false;
        } catch (const Error&) {
            return true;
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LocationRulesTest);
