// SPDX-License-Identifier: Apache-2.0
#include "HelperPrograms.h"
#include "SourceOfTest.h"

#include "plugins/RecordingHost.h"
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include <cppunit/extensions/HelperMacros.h>

#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <thread>

using namespace wasmproxy;

namespace {

std::string answer(const std::string& user, const std::string& secret) {
    return R"(printf '%s' '{"ServerURL":"x","Username":")" + user + R"(","Secret":")" + secret + R"("}')";
}

const std::string Absent = "echo 'credentials not found in native keychain'; exit 1";

} // namespace

class DockerHelpersTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DockerHelpersTest);
    CPPUNIT_TEST(keepsTheContract);
    CPPUNIT_TEST(asksInOrder);
    CPPUNIT_TEST(asksAsDockerDoes);
    CPPUNIT_TEST(readsAnIdentityToken);
    CPPUNIT_TEST(saysWhatFailed);
    CPPUNIT_TEST(refusesNamesThatArePaths);
    CPPUNIT_TEST(runsNothingThatEverybodyMayReplace);
    CPPUNIT_TEST(takesTheFirstDirectoryThatHasIt);
    CPPUNIT_TEST(givesTheEnvironmentThatIsConfigured);
    CPPUNIT_TEST(endsWithTheCall);
    CPPUNIT_TEST(runsOnceForAllWhoAsk);
    CPPUNIT_TEST(anothersDeadlineIsNotMine);
    CPPUNIT_TEST(asksAnewSoon);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        programs = std::make_unique<HelperPrograms>();
        host.take();
    }
    void tearDown() override {
        CPPUNIT_ASSERT(host.take().empty());
        programs.reset();
    }

    void keepsTheContract() {
        const auto delay = *programs / "delay";
        writeFile(delay, "0");
        helper("one", "sleep $(cat " + delay + "); read -r server; case $server in reg.io) " +
                          answer("user", "hunter2") + ";; *) " + Absent + ";; esac");
        testing::CredentialSourceOptions options;
        options.present = Repository("reg.io", "team/a");
        options.absent = Repository("other.io", "team/a");
        options.expectedUsername = "user";
        options.slow = [&](std::chrono::milliseconds time) {
            writeFile(delay, std::to_string(static_cast<double>(time.count()) / 1000));
        };
        configure(R"("credsStore":"one")");
        const auto findings = testing::checkCredentialSource(
            [&](HostServices& services) { return makeSource(services, settings()); }, host, options);
        CPPUNIT_ASSERT_EQUAL(std::size_t(12), findings.size());
        for (const auto& finding : findings)
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }

    void asksInOrder() {
        helper("one", answer("one", "1"));
        helper("none", Absent);
        helper("store",
               "read -r server; case $server in s.io) " + answer("store", "2") + ";; *) " + Absent + ";; esac");
        const auto source = configured(R"("credHelpers":{"a.io":"one","b.io":"none","c.io":"containers-auth.json",
            "https://d.io":"one","e.io:5000":"one","s.io":"none","https://index.docker.io/v1/":"one","f.io":null},
            "credsStore":"store","auths":{"a.io":{"auth":"YXV0aDo="},"b.io":{"auth":"YXV0aDo="},
            "c.io":{"auth":"YXV0aDo="},"s.io":{},"g.io/team":{"auth":"YXV0aDo="},"f.io":{"auth":"YXV0aDo="}})");
        for (const auto& [registry, expected] : std::vector<std::pair<std::string, std::string>>{
                 {"a.io", "one:1"},      // its helper
                 {"b.io", "auth:"},      // neither its helper nor the store has it
                 {"c.io", "auth:"},      // the file itself
                 {"f.io", "auth:"},      // the file itself
                 {"d.io", "one:1"},      // with a scheme
                 {"e.io:5000", "one:1"}, // with a port
                 {"e.io", ""},
                 {"s.io", "store:2"}, // the store after its helper
                 {"g.io", "auth:"},
                 {"docker.io", "one:1"},
                 {"registry-1.docker.io", "one:1"},
                 {"other.io", ""}})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(registry, expected, found(*source, registry));
        CPPUNIT_ASSERT_EQUAL("a.io from docker-credential-one in " + file(), findIn(*source, "a.io")[0].name);
    }

    void asksAsDockerDoes() {
        helper("one", "printf '%s|%s|' \"$*\" \"$(cat)\" > " + *programs / "asked" + "; " + answer("u", "p"));
        const auto source = configured(R"("credsStore":"one")");
        for (const auto& [registry, server] : std::vector<std::pair<std::string, std::string>>{
                 {"reg.io", "reg.io"}, {"reg.io:5000", "reg.io:5000"}, {"docker.io", "https://index.docker.io/v1/"}}) {
            CPPUNIT_ASSERT_EQUAL(std::string("u:p"), found(*source, registry));
            CPPUNIT_ASSERT_EQUAL("get|" + server + "|", programs->left("asked"));
        }
    }

    void readsAnIdentityToken() {
        helper("one", answer("<token>", "refresh"));
        const auto source = configured(R"("credsStore":"one")");
        const auto credentials = findIn(*source, "reg.io");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), credentials.size());
        CPPUNIT_ASSERT(credentials[0].kind == Credential::Kind::IdentityToken);
        CPPUNIT_ASSERT_EQUAL(std::string("refresh"), std::string(credentials[0].secret.reveal()));
    }

    void saysWhatFailed() {
        struct Row {
            std::string script;
            std::string expected;
        };
        int number = 0;
        for (const Row& row :
             std::vector<Row>{{"echo 'the keychain is locked'; exit 1", "\"the keychain is locked\", exit 1 ["},
                              {"printf 'a\\033[31mb\\nc\\200'; exit 1", "\"a?[31mb?c?\", exit 1"},
                              {"echo hunter2 >&2; exit 2", "failed: exit 2, 8 bytes on stderr not shown"},
                              {answer("u", "hunter2") + "; exit 1", "failed: exit 1 ["},
                              {"head -c 500 /dev/zero | tr '\\0' x; exit 1", "xxx...\", exit 1"},
                              {"echo 'credentials not found in native keychain'; exit 7", "exit 7"},
                              {"kill -9 $$", "killed by signal 9"},
                              {"exit 0", "empty"},
                              {"echo hunter2", "not valid JSON"},
                              {"echo '[\"hunter2\"]'", "must be an object"},
                              {"echo '{\"Username\":7,\"Secret\":\"hunter2\"}'", "Username must be a string"},
                              {"echo '{\"Secret\":\"hunter2\"}'", "`Username` is missing"},
                              {"echo '{\"Username\":\"u\"}'", "`Secret` is missing"},
                              {"echo '{\"Username\":\"u\",\"Secret\":\"hunter2\"'", "not valid JSON"},
                              {"while :; do echo hunter2; done", "more than 64 KiB"}}) {
            const std::string name = "h" + std::to_string(number++);
            helper(name, row.script);
            // Neither auths nor the store stands in for a helper that is broken.
            const auto source =
                configured(R"("credHelpers":{"reg.io":")" + name + R"("},"auths":{"reg.io":{"auth":"YXV0aDo="}})");
            for (int i = 0; i < 2; ++i) {
                const std::string text = faultOf(*source, "reg.io");
                assertHas(text, row.expected);
                assertHas(text, "docker-credential-" + name);
            }
            CPPUNIT_ASSERT_EQUAL(std::string(), faultOf(*source, "other.io"));
        }
        helper("empty", "echo '{}'");
        CPPUNIT_ASSERT_EQUAL(std::string(), found(*configured(R"("credsStore":"empty")"), "reg.io"));
        const std::string missing = faultOf(*configured(R"("credsStore":"gone")"), "reg.io");
        assertHas(missing, "docker-credential-gone is not in " + programs->path() + ", /bin");
        assertHas(missing, "helper-path");
    }

    void refusesNamesThatArePaths() {
        helper("one", answer("u", "p"));
        std::filesystem::create_directory(*programs / "docker-credential-");
        programs->write("evil", answer("u", "p"));
        for (const std::string name :
             {"/../evil", "../evil", "one/", "/bin/sh", "one;ls", "one two", "\\u00e4", "one\\n"}) {
            const auto source = configured(R"("credHelpers":{"reg.io":")" + name + R"("})");
            const std::string text = faultOf(*source, "reg.io");
            assertHas(text, "the credential helper for reg.io has a name that is none");
            assertHas(text, file());
        }
    }

    void runsNothingThatEverybodyMayReplace() {
        const std::string path = helper("one", answer("u", "p"));
        const auto source = configured(R"("credsStore":"one")");
        std::filesystem::permissions(path, std::filesystem::perms(0757));
        assertHas(faultOf(*source, "reg.io"), path + " could be replaced by every user");
        std::filesystem::permissions(path, std::filesystem::perms(0755));
        std::filesystem::permissions(programs->path(), std::filesystem::perms(0777));
        assertHas(faultOf(*source, "reg.io"), path + " could be replaced by every user");
        CPPUNIT_ASSERT_EQUAL(0, ::chmod(programs->path().c_str(), 01777));
        CPPUNIT_ASSERT_EQUAL(std::string("u:p"), found(*source, "reg.io"));
        CPPUNIT_ASSERT_EQUAL(0, ::chmod(programs->path().c_str(), 0700));
        std::filesystem::permissions(path, std::filesystem::perms(0644));
        assertHas(faultOf(*source, "a.io"), "is no program");
    }

    void takesTheFirstDirectoryThatHasIt() {
        helper("one", answer("second", "2"));
        const HelperPrograms first;
        configure(R"("credsStore":"one")");
        const auto path = first.path() + ", " + programs->path() + ", /bin";
        const auto make = [&] {
            return makeSource(host, {{"docker-config", file(), "t:1"}, {"helper-path", path, "t:2"}});
        };
        CPPUNIT_ASSERT_EQUAL(std::string("second:2"), found(*make(), "reg.io"));
        first.write("docker-credential-one", answer("first", "1"));
        CPPUNIT_ASSERT_EQUAL(std::string("first:1"), found(*make(), "reg.io"));
    }

    void givesTheEnvironmentThatIsConfigured() {
        ::setenv("WASM_PROXY_TEST_SHARED", "shared", 1);
        ::setenv("WASM_PROXY_TEST_KEPT", "kept", 1);
        helper("one", "/usr/bin/env > " + *programs / "environment" + "; " + answer("u", "p"));
        configure(R"("credsStore":"one")");
        auto values = settings();
        values.push_back({"helper-environment", "WASM_PROXY_TEST_SHARED, SET=a=b, WASM_PROXY_TEST_UNSET", "t:3"});
        const auto source = makeSource(host, values);
        ::unsetenv("WASM_PROXY_TEST_SHARED");
        ::unsetenv("WASM_PROXY_TEST_KEPT");
        CPPUNIT_ASSERT_EQUAL(std::string("u:p"), found(*source, "reg.io"));
        const std::string text = "\n" + programs->left("environment") + "\n";
        for (const std::string& line : {std::string("WASM_PROXY_TEST_SHARED=shared"), std::string("SET=a=b"),
                                        "PATH=" + programs->path() + ":/bin",
                                        "HOME=" + std::string(std::getenv("HOME") ? std::getenv("HOME") : "")})
            if (line != "HOME=") assertHas(text, "\n" + line + "\n");
        for (const char* other : {"KEPT", "UNSET"})
            CPPUNIT_ASSERT_MESSAGE(text, text.find(other) == std::string::npos);
    }

    void endsWithTheCall() {
        helper("one", "sleep 30");
        const auto source = configured(R"("credsStore":"one")");
        const auto begin = Call::Clock::now();
        try {
            findIn(*source, "reg.io", "a", std::chrono::milliseconds(300));
            CPPUNIT_FAIL("it hung and yet answered");
        } catch (const Error& error) {
            CPPUNIT_ASSERT_MESSAGE(error.what(), error.code() == ErrorCode::DeadlineExceeded);
        }
        CPPUNIT_ASSERT(Call::Clock::now() - begin < std::chrono::seconds(5));
    }

    void runsOnceForAllWhoAsk() {
        const std::string ran = *programs / "ran";
        helper("one", "read -r server; echo $server >> " + ran + "; sleep 0.5; " + answer("u", "p"));
        helper("bad", "echo bad >> " + ran + "; sleep 0.5; exit 1");
        const auto source = configured(R"("credHelpers":{"bad.io":"bad"},"credsStore":"one")");
        std::vector<std::thread> threads;
        std::atomic<int> answers{0};
        std::atomic<int> faults{0};
        for (int i = 0; i < 12; ++i)
            threads.emplace_back([&, i] {
                const std::string registry = i % 3 == 0 ? "a.io" : i % 3 == 1 ? "b.io" : "bad.io";
                try {
                    answers += static_cast<int>(findIn(*source, registry, "r" + std::to_string(i)).size());
                } catch (const Error&) {
                    ++faults;
                }
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(8, answers.load());
        CPPUNIT_ASSERT_EQUAL(4, faults.load());
        const std::string lines = programs->left("ran");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(lines, std::ptrdiff_t(2), std::count(lines.begin(), lines.end(), '\n'));
        CPPUNIT_ASSERT_EQUAL(std::string("u:p"), found(*source, "a.io")); // still known
        CPPUNIT_ASSERT_EQUAL(lines, programs->left("ran"));
    }

    void anothersDeadlineIsNotMine() {
        const std::string ran = *programs / "ran";
        helper("one", "if [ -e " + ran + " ]; then " + answer("u", "p") + "; else touch " + ran + "; sleep 30; fi");
        const auto source = configured(R"("credsStore":"one")");
        std::thread hasty([&] {
            try {
                findIn(*source, "reg.io", "a", std::chrono::milliseconds(800));
            } catch (const Error&) { // its deadline
            }
        });
        while (!std::filesystem::exists(ran))
            std::this_thread::yield();
        const std::string patient = found(*source, "reg.io");
        hasty.join();
        CPPUNIT_ASSERT_EQUAL(std::string("u:p"), patient);
    }

    void asksAnewSoon() {
        writeFile(*programs / "answer", R"({"Username":"u","Secret":"old"})");
        helper("one", "cat " + *programs / "answer");
        const auto source = configured(R"("credsStore":"one")");
        CPPUNIT_ASSERT_EQUAL(std::string("u:old"), found(*source, "reg.io"));
        writeFile(*programs / "answer", R"({"Username":"u","Secret":"new"})");
        const auto begin = Call::Clock::now();
        while (found(*source, "reg.io") == "u:old" && Call::Clock::now() - begin < std::chrono::seconds(5))
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        CPPUNIT_ASSERT(Call::Clock::now() - begin < file::DockerHelpers::Memory + std::chrono::seconds(1));
        CPPUNIT_ASSERT_EQUAL(std::string("u:new"), found(*source, "reg.io"));
    }

private:
    std::string helper(const std::string& name, const std::string& script) {
        return programs->write("docker-credential-" + name, script);
    }
    std::string file() const { return *programs / "config.json"; }
    void configure(const std::string& members) {
        writeFile(file(), "{" + members + "}");
        std::filesystem::permissions(file(), std::filesystem::perms(0600));
    }
    std::vector<KeyValue> settings() const {
        return {{"docker-config", file(), "t:1"}, {"helper-path", programs->path() + ", /bin", "t:2"}};
    }
    std::unique_ptr<file::FileCredentialSource> configured(const std::string& members) {
        configure(members);
        return makeSource(host, settings());
    }

    std::unique_ptr<HelperPrograms> programs;
    RecordingHost host;
};

CPPUNIT_TEST_SUITE_REGISTRATION(DockerHelpersTest);
