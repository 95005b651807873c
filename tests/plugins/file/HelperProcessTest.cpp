// SPDX-License-Identifier: Apache-2.0
#include "HelperProcess.h"

#include "HelperPrograms.h"
#include "wasmproxy/oci/Error.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <sstream>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::file;
using std::chrono::milliseconds;

class HelperProcessTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HelperProcessTest);
    CPPUNIT_TEST(givesInputArgumentsAndEnvironment);
    CPPUNIT_TEST(inheritsNothing);
    CPPUNIT_TEST(saysHowItEnded);
    CPPUNIT_TEST(boundsTheOutput);
    CPPUNIT_TEST(endsWithTheCall);
    CPPUNIT_TEST(endsAtItsLimit);
    CPPUNIT_TEST(waitsForTheProgramNotForItsChildren);
    CPPUNIT_TEST(killsTheWholeGroup);
    CPPUNIT_TEST(namesWhatCannotBeRun);
    CPPUNIT_TEST(runsOnManyThreads);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        programs = std::make_unique<HelperPrograms>();
        // Orphans come to us, as they do to process 1 of a container: none may stay.
        CPPUNIT_ASSERT_EQUAL(0, ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    }
    void tearDown() override {
        const pid_t left = ::waitpid(-1, nullptr, WNOHANG);
        const int why = errno;
        ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
        programs.reset();
        CPPUNIT_ASSERT_EQUAL_MESSAGE("a child is left", pid_t(-1), left);
        CPPUNIT_ASSERT_EQUAL(ECHILD, why);
    }

    void givesInputArgumentsAndEnvironment() {
        CPPUNIT_ASSERT_EQUAL(
            std::string("input|get|a b||B C|/|"),
            outputOf("printf '%s|' \"$(cat)\" \"$@\" \"$A\" \"$(pwd)\"", {"get", "a b", ""}, {"A=B C"}, "input"));
        const std::string environment = outputOf("/usr/bin/env", {}, {"ONLY=this"}, "");
        for (const char* inherited : {"HOME=", "USER=", "ASAN"})
            CPPUNIT_ASSERT_MESSAGE(environment, environment.find(inherited) == std::string::npos);
        CPPUNIT_ASSERT(environment.find("ONLY=this") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("done"), outputOf("exec <&-; printf done", {}, {}, std::string(4096, 'x')));
    }

    void inheritsNothing() {
        // One that some library left open for children.
        const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        const int careless = ::fcntl(null, F_DUPFD, 77);
        CPPUNIT_ASSERT(careless >= 77);
        sigset_t blocked;
        sigset_t before;
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
        const auto handler = std::signal(SIGPIPE, SIG_IGN);
        Call call("t", Call::Clock::now() + std::chrono::seconds(30));
        const auto listed = runHelper(call, {"/bin/ls", {"/proc/self/fd"}, {}, ""}, milliseconds(20000));
        const std::string signals =
            outputOf("while read -r key value; do case $key in SigBlk:) printf '%s ' $value;; SigIgn:) printf '%s' "
                     "$value;; esac; done < /proc/self/status");
        std::signal(SIGPIPE, handler);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        ::close(careless);
        ::close(null);
        // 3 is the folder that is being listed.
        CPPUNIT_ASSERT_EQUAL(std::string("0\n1\n2\n3\n"), std::string(listed.output.reveal()));
        std::istringstream masks(signals);
        unsigned long long held = 1;
        unsigned long long ignored = 1;
        masks >> std::hex >> held >> ignored;
        CPPUNIT_ASSERT_EQUAL(0ull, held);
        CPPUNIT_ASSERT_EQUAL(0ull, ignored & ~0x180000000ull); // 32 and 33 are the C library's own
    }

    void saysHowItEnded() {
        CPPUNIT_ASSERT_EQUAL(std::string("exit 0"), run("exit 0").ending());
        CPPUNIT_ASSERT(run("exit 0").succeeded());
        const HelperResult failed = run("echo out; echo hunter2 >&2; exit 3");
        CPPUNIT_ASSERT(!failed.succeeded());
        CPPUNIT_ASSERT_EQUAL(3, failed.status);
        CPPUNIT_ASSERT_EQUAL(std::string("out\n"), std::string(failed.output.reveal()));
        CPPUNIT_ASSERT_EQUAL(std::string("exit 3, 8 bytes on stderr not shown"), failed.ending());
        const HelperResult killed = run("kill -9 $$");
        CPPUNIT_ASSERT(!killed.succeeded());
        CPPUNIT_ASSERT_EQUAL(std::string("killed by signal 9"), killed.ending());
    }

    void boundsTheOutput() {
        const std::string exactly = "head -c 65536 /dev/zero";
        CPPUNIT_ASSERT_EQUAL(std::size_t(65536), run(exactly).output.reveal().size());
        assertFault("wrote more than 64 KiB", [&] { run("head -c 65537 /dev/zero"); });
        assertFault("wrote more than 64 KiB", [&] { run("while :; do echo hunter2; done"); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(1000000), run("head -c 1000000 /dev/zero >&2").errorBytes);
        assertFault("did not answer within 300 ms",
                    [&] { run("while :; do echo hunter2; done >&2", milliseconds(300)); });
    }

    void endsWithTheCall() {
        const auto begin = Call::Clock::now();
        Call call("t", begin + milliseconds(300));
        assertError(ErrorCode::DeadlineExceeded, "waiting for",
                    [&] { runWith(call, "sleep 30", milliseconds(60000)); });
        CPPUNIT_ASSERT(Call::Clock::now() - begin >= milliseconds(300));
        CPPUNIT_ASSERT(Call::Clock::now() - begin < std::chrono::seconds(5));

        std::atomic<bool> cancelled{false};
        Call cancellable("t", begin + std::chrono::seconds(60), &cancelled);
        std::thread stop([&] {
            std::this_thread::sleep_for(milliseconds(200));
            cancelled = true;
        });
        assertError(ErrorCode::DeadlineExceeded, "shut down while",
                    [&] { runWith(cancellable, "sleep 30", milliseconds(60000)); });
        stop.join();
        // No program is begun then.
        assertError(ErrorCode::DeadlineExceeded, "", [&] { runWith(cancellable, "echo > ran", milliseconds(60000)); });
        CPPUNIT_ASSERT(Call::Clock::now() - begin < std::chrono::seconds(9));
    }

    void endsAtItsLimit() {
        assertFault("did not answer within 200 ms and was killed", [&] { run("sleep 30", milliseconds(200)); });
        // Nor does it help to close the pipes or to ignore signals.
        assertFault("did not answer", [&] { run("exec >&- 2>&-; sleep 30", milliseconds(200)); });
        assertFault("did not answer",
                    [&] { run("trap '' TERM INT HUP; while :; do sleep 1; done", milliseconds(200)); });
    }

    void waitsForTheProgramNotForItsChildren() {
        const auto begin = Call::Clock::now();
        CPPUNIT_ASSERT_EQUAL(std::string("answer"),
                             std::string(run("sleep 30 & printf answer").output.reveal())); // holds both pipes
        CPPUNIT_ASSERT(Call::Clock::now() - begin < std::chrono::seconds(5));
    }

    void killsTheWholeGroup() {
        const std::string pids = *programs / "pids";
        assertFault("did not answer", [&] {
            run("sleep 30 & echo $! > " + pids + "; (sleep 30 & echo $! >> " + pids + "; wait) & sleep 30",
                milliseconds(500));
        });
        std::ifstream file(pids);
        int count = 0;
        for (pid_t pid = 0; file >> pid; ++count)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(pid) + " lives", -1, ::kill(pid, 0));
        CPPUNIT_ASSERT_EQUAL(2, count);
    }

    void namesWhatCannotBeRun() {
        Call call("t", Call::Clock::now() + std::chrono::seconds(20));
        const auto attempt = [&](const std::string& path) {
            return [&call, path] { runHelper(call, {path, {}, {}, ""}, milliseconds(9000)); };
        };
        assertFault("No such file", attempt(*programs / "absent"));
        writeFile(*programs / "interpreter", "#!/no/such/shell\n");
        std::filesystem::permissions(*programs / "interpreter", std::filesystem::perms(0755));
        assertFault("cannot be run", attempt(*programs / "interpreter"));
        writeFile(*programs / "garbage", "garbage");
        std::filesystem::permissions(*programs / "garbage", std::filesystem::perms(0755));
        assertFault("Exec format error", attempt(*programs / "garbage"));
        assertFault("does not fit", [&] {
            runHelper(call, {programs->write("p", "cat"), {}, {}, std::string(1 << 20, 'x')}, milliseconds(9000));
        });
    }

    void runsOnManyThreads() {
        const std::string program = programs->write("echo", "cat");
        const std::size_t before = openDescriptors();
        std::vector<std::thread> threads;
        std::atomic<int> wrong{0};
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                for (int j = 0; j < 10; ++j) {
                    Call call("t", Call::Clock::now() + std::chrono::seconds(30));
                    const std::string input = std::to_string(i) + "." + std::to_string(j);
                    const auto result =
                        runHelper(call, {program, {}, {"PATH=/usr/bin:/bin"}, input}, milliseconds(20000));
                    if (!result.succeeded() || result.output.reveal() != input) ++wrong;
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        CPPUNIT_ASSERT_EQUAL(before, openDescriptors());
    }

private:
    static std::size_t openDescriptors() {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            count += !entry.path().empty();
        return count;
    }
    HelperResult runWith(Call& call, const std::string& script, milliseconds limit) {
        return runHelper(call, {programs->write("program", script), {}, {"PATH=/usr/bin:/bin"}, ""}, limit);
    }
    HelperResult run(const std::string& script, milliseconds limit = milliseconds(20000)) {
        Call call("t", Call::Clock::now() + std::chrono::seconds(30));
        return runWith(call, script, limit);
    }
    std::string outputOf(const std::string& script, const std::vector<std::string>& arguments = {},
                         const std::vector<std::string>& environment = {}, const std::string& input = {}) {
        Call call("t", Call::Clock::now() + std::chrono::seconds(30));
        const HelperResult result = runHelper(
            call, {programs->write("program", "PATH=/usr/bin:/bin\n" + script), arguments, environment, input},
            milliseconds(20000));
        CPPUNIT_ASSERT_EQUAL(std::string("exit 0"), result.ending());
        return std::string(result.output.reveal());
    }
    template <class Action>
    static void assertError(ErrorCode code, const std::string& expected, Action action) {
        std::string message = "nothing was thrown";
        try {
            action();
        } catch (const Error& error) {
            message = error.what();
            CPPUNIT_ASSERT_MESSAGE(message, error.code() == code);
            CPPUNIT_ASSERT_MESSAGE(message, message.find("hunter2") == std::string::npos);
        }
        CPPUNIT_ASSERT_MESSAGE(message + " lacks " + expected, message.find(expected) != std::string::npos);
        CPPUNIT_ASSERT(message != "nothing was thrown");
    }
    template <class Action>
    static void assertFault(const std::string& expected, Action action) {
        assertError(ErrorCode::CredentialSourceFault, expected, action);
    }

    std::unique_ptr<HelperPrograms> programs;
};

CPPUNIT_TEST_SUITE_REGISTRATION(HelperProcessTest);
