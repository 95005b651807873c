// SPDX-License-Identifier: Apache-2.0
// The child process, played by shell scripts: what it inherits, and how it may end.
#include "loading/PluginCheck.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/TemporaryFile.h>
#include <cppunit/extensions/HelperMacros.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using wasmproxy::host::PluginCheck;

class PluginCheckTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginCheckTest);
    CPPUNIT_TEST(passesOnZero);
    CPPUNIT_TEST(inheritsNothingElse);
    CPPUNIT_TEST(startsWithSignalsAsUsual);
    CPPUNIT_TEST(boundsOutput);
    CPPUNIT_TEST(endsTheWholeGroup);
    CPPUNIT_TEST(waitsForNobodyWhoHoldsTheOutput);
    CPPUNIT_TEST(killsAtTheDeadline);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        _script.reset(new Poco::TemporaryFile);
        _library = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    }
    void tearDown() override {
        ::close(_library);
        _script.reset();
    }

    void passesOnZero() {
        CPPUNIT_ASSERT_EQUAL(std::string(), run("echo talkative; exit 0"));
        CPPUNIT_ASSERT_EQUAL(std::string("no good"), run("printf 'no\\n\\n good \\n' >&2; exit 1"));
        contains("x.so did not pass the check", run("exit 3"));
        contains("x.so crashed while it was opened", run("kill -SEGV $$"));
        CPPUNIT_ASSERT_EQUAL(std::string("a?b"), run("printf 'a\\033b'; exit 1"));
    }

    void inheritsNothingElse() {
        ::setenv("WASM_PROXY__SECRET", "do-not-show", 1);
        ::setenv("LD_TEST_MARK", "kept", 1);
        const int leak = ::open("/etc/passwd", O_RDONLY); // without O_CLOEXEC, as a careless library does
        const auto said = run("[ \"$1\" = --check-plugin-fd=3 ] && cat <&3 | head -c 4 | tail -c 3; env; "
                              "ls -l /proc/self/fd; cat; exit 1");
        ::close(leak);
        ::unsetenv("WASM_PROXY__SECRET");
        ::unsetenv("LD_TEST_MARK");
        contains("ELF", said);
        contains("LD_TEST_MARK=kept", said);
        contains("LD_BIND_NOW=1", said);
        CPPUNIT_ASSERT_MESSAGE(said, said.find("do-not-show") == std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(said, said.find("/etc/passwd") == std::string::npos);
    }

    void startsWithSignalsAsUsual() {
        sigset_t term, before;
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &term, &before);
        const auto said = run("sed -n 's/^Sig[BI][lg][kn]:\\t//p' /proc/self/status; exit 1"); // SIGPIPE we ignore
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        std::istringstream words(said);
        std::uint64_t blocked = 0, ignored = 0;
        words >> std::hex >> blocked >> ignored;
        CPPUNIT_ASSERT_MESSAGE(said, !words.fail());
        const std::uint64_t standard = 0x7fffffff; // those above are libc's own
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), blocked & standard);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), ignored & standard);
    }

    void boundsOutput() {
        const auto said = run("yes 0123456789 | head -c 20000000; echo the end; exit 1");
        CPPUNIT_ASSERT(said.size() <= 2000);
        contains("the end", said);
    }

    void endsTheWholeGroup() {
        const auto pid = run("sleep 1000 & echo $!; exit 1");
        // Killed; an orphan's zombie may stay where nobody is init.
        for (int i = 0; i < 500; ++i) {
            std::ifstream status("/proc/" + pid + "/stat");
            std::string text;
            if (!std::getline(status, text) || text.find(") Z") != std::string::npos) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        CPPUNIT_FAIL("still running: " + pid);
    }

    void waitsForNobodyWhoHoldsTheOutput() {
        const auto before = std::chrono::steady_clock::now();
        const auto pid = run("setsid sleep 1000 & echo $!; exit 1"); // out of the group
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - before < std::chrono::seconds(20));
        ::kill(std::stoi(pid), SIGKILL);
    }

    void killsAtTheDeadline() {
        const auto said = run("trap '' TERM INT; echo started; sleep 1000", std::chrono::milliseconds(1000));
        contains("x.so did not open within 1000 ms", said);
        contains("started", said);
        contains("did not open within", run("exec >&- 2>&-; sleep 1000", std::chrono::milliseconds(200)));
        contains("did not open within", run("yes", std::chrono::milliseconds(200)));
    }

private:
    std::string run(const std::string& body, std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
        std::ofstream(_script->path(), std::ios::trunc) << "#!/bin/sh\n" << body << '\n';
        ::chmod(_script->path().c_str(), 0755);
        return PluginCheck(_script->path(), timeout).run(_library, "x.so");
    }

    static void contains(const std::string& part, const std::string& whole) {
        CPPUNIT_ASSERT_MESSAGE("'" + part + "' is not in '" + whole + "'", whole.find(part) != std::string::npos);
    }

    std::unique_ptr<Poco::TemporaryFile> _script;
    int _library = -1;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PluginCheckTest);
