// SPDX-License-Identifier: Apache-2.0
#include "loading/SealedCopy.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/TemporaryFile.h>
#include <cerrno>
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>

using wasmproxy::Error;
using wasmproxy::host::OwnedFd;
using wasmproxy::host::SealedCopy;

class SealedCopyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SealedCopyTest);
    CPPUNIT_TEST(isTheContent);
    CPPUNIT_TEST(cannotBeChanged);
    CPPUNIT_TEST(outlivesTheFile);
    CPPUNIT_TEST(refusesWhatCannotBeRead);
    CPPUNIT_TEST_SUITE_END();

public:
    void isTheContent() {
        const std::string big(3u << 20, 'b');
        for (const std::string& text : {std::string(), std::string("a"), big}) {
            write(text);
            const auto fd = open();
            CPPUNIT_ASSERT(text == SealedCopy(fd.get(), "x.so").bytes());
        }
    }

    void cannotBeChanged() {
        write("as it was");
        const SealedCopy copy(open().get(), "x.so");
        for (const OwnedFd& fd : {OwnedFd(::open(copy.path().c_str(), O_RDWR)), OwnedFd(::dup(copy.descriptor()))}) {
            CPPUNIT_ASSERT(fd);
            CPPUNIT_ASSERT_EQUAL(ssize_t(-1), ::pwrite(fd.get(), "X", 1, 0));
            CPPUNIT_ASSERT_EQUAL(EPERM, errno);
            CPPUNIT_ASSERT_EQUAL(-1, ::ftruncate(fd.get(), 0));
            CPPUNIT_ASSERT_EQUAL(-1, ::ftruncate(fd.get(), 100));
            CPPUNIT_ASSERT(::mmap(nullptr, 1, PROT_WRITE, MAP_SHARED, fd.get(), 0) == MAP_FAILED);
            CPPUNIT_ASSERT_EQUAL(-1, ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE)); // nor can the seals
        }
        CPPUNIT_ASSERT(copy.bytes() == "as it was");
        CPPUNIT_ASSERT((::fcntl(copy.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    }

    void outlivesTheFile() {
        write("as it was");
        const SealedCopy copy(open().get(), "x.so");
        write("something else");
        CPPUNIT_ASSERT(copy.bytes() == "as it was");
        CPPUNIT_ASSERT_EQUAL(0, ::truncate(_file.path().c_str(), 0));
        CPPUNIT_ASSERT(copy.bytes() == "as it was");
    }

    void refusesWhatCannotBeRead() {
        CPPUNIT_ASSERT_THROW(SealedCopy(-1, "x.so"), Error);
        const OwnedFd folder(::open("/", O_RDONLY | O_CLOEXEC));
        CPPUNIT_ASSERT_THROW(SealedCopy(folder.get(), "x.so"), Error);
    }

private:
    void write(const std::string& text) { std::ofstream(_file.path(), std::ios::trunc) << text; }
    OwnedFd open() const { return OwnedFd(::open(_file.path().c_str(), O_RDONLY | O_CLOEXEC)); }

    Poco::TemporaryFile _file;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SealedCopyTest);
