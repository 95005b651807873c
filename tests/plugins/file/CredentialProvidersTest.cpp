// SPDX-License-Identifier: Apache-2.0
#include "GoDuration.h"
#include "HelperPrograms.h"
#include "SourceOfTest.h"
#include "YamlAsJson.h"

#include "plugins/RecordingHost.h"
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <thread>

using namespace wasmproxy;
using std::chrono::milliseconds;

namespace {

/// A provider's entry of the configuration; `more` are further lines of it.
std::string provider(const std::string& name, const std::string& images, const std::string& cache = "0s",
                     const std::string& more = {}) {
    std::string text = "- name: " + name + "\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n" +
                       "  defaultCacheDuration: \"" + cache + "\"\n  matchImages: [" + images + "]\n";
    return text + more;
}

std::string config(const std::string& providers) {
    return "# a comment\napiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n" +
           providers;
}

/// A script that writes a response; `members` stand beside kind and apiVersion.
std::string response(const std::string& members) {
    return R"(printf '%s' '{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1",)" +
           members + "}'";
}

std::string auth(const std::string& key, const std::string& user, const std::string& password = "p") {
    return R"(")" + key + R"(":{"username":")" + user + R"(","password":")" + password + R"("})";
}

} // namespace

class CredentialProvidersTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CredentialProvidersTest);
    CPPUNIT_TEST(readsDurations);
    CPPUNIT_TEST(readsYamlStrictly);
    CPPUNIT_TEST(keepsTheContract);
    CPPUNIT_TEST(asksAsTheKubeletDoes);
    CPPUNIT_TEST(refusesOtherConfigurations);
    CPPUNIT_TEST(combinesWhatSeveralSay);
    CPPUNIT_TEST(refusesOtherAnswers);
    CPPUNIT_TEST(remembersForWhatTheAnswerSays);
    CPPUNIT_TEST(namesWhatAnAnswerIsFor);
    CPPUNIT_TEST(remembersAsLongAsTheAnswerSays);
    CPPUNIT_TEST(runsOncePerRegistry);
    CPPUNIT_TEST(runsOncePerImageWhereThatIsTheKey);
    CPPUNIT_TEST(followsItsConfiguration);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        programs = std::make_unique<HelperPrograms>();
        host.take();
    }
    void tearDown() override { programs.reset(); }

    void readsDurations() {
        for (const auto& [text, expected] : std::vector<std::pair<std::string, long long>>{{"0", 0},
                                                                                           {"0s", 0},
                                                                                           {"6h0m0s", 21600000},
                                                                                           {"12h", 43200000},
                                                                                           {"1.5h", 5400000},
                                                                                           {"1h1m1s1ms", 3661001},
                                                                                           {".5s", 500},
                                                                                           {"1500us", 1},
                                                                                           {"1500\xc2\xb5s", 1},
                                                                                           {"999999ns", 0},
                                                                                           {"1m30s", 90000}}) {
            const auto parsed = file::parseGoDuration(text);
            CPPUNIT_ASSERT_MESSAGE(text, parsed);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, static_cast<long long>(parsed->count()));
        }
        for (const std::string text : {"", "1", "-1s", "s", "1x", "1 s", "1h ", "1..5s", ".s", "1e3s", "00", "1d",
                                       "9999999999h", "1h-1s", "+1s", "0x1s", "infs", "nans"})
            CPPUNIT_ASSERT_MESSAGE(text, !file::parseGoDuration(text));
    }

    void readsYamlStrictly() {
        for (const auto& [text, json] : std::vector<std::pair<std::string, std::string>>{
                 {"a: b", R"({"a":"b"})"},
                 {"{\"a\": [1, true, null, \"1\", \"\"]}", R"({"a":[1,true,null,"1",""]})"},
                 {"a:\n- b: 'x'\n  c: ~\n-\n- - d", R"({"a":[{"b":"x","c":null},null,["d"]]})"},
                 {"1: 2\ntrue: 007", R"({"1":2,"true":"007"})"},
                 {"a: !!str 7", R"({"a":"7"})"},
                 {"a: \"\\x01\\\"\\\\\"", "{\"a\":\"\\u0001\\u0022\\u005c\"}"},
                 {"---\na: |\n  x\n  y\n...\n", R"({"a":"x\u000ay\u000a"})"},
                 {"a: 1\na: 2", R"({"a":1,"a":2})"}})
            CPPUNIT_ASSERT_EQUAL(json, file::yamlAsJson(text, "/c"));
        for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
                 {"", "/c is empty"},
                 {"# only\n", "/c is empty"},
                 {"a: 1\n---\nb: 2", "more than one document"},
                 {"a: [", "/c:1: not valid YAML"},
                 {"a: b\n\t- c", "/c:"},
                 {"a: &x 1\nb: *x", "/c:1: anchors are not read"},
                 {"a: !thing b", "/c:1: tags are not read"},
                 {"a: !!binary aGk=", "/c:1: tags are not read"},
                 {"? [a]\n: b", "/c:1: a key must be text"},
                 {"a: " + std::string(40, '[') + std::string(40, ']'), "nested too deep"},
                 {std::string(5000, '['), "/c:1: "}}) {
            std::string message;
            try {
                message = file::yamlAsJson(text, "/c");
            } catch (const Error& error) {
                message = error.what();
            }
            assertHas(message, expected);
        }
    }

    void keepsTheContract() {
        programs->write("one",
                        response(R"("cacheKeyType":"Registry","auth":{)" + auth("reg.io", "user", "hunter2") + "}"));
        const auto make = [&](HostServices& services) {
            writeFile(file(), config(provider("one", "reg.io")));
            return makeSource(services, settings());
        };
        testing::CredentialSourceOptions options;
        options.present = Repository("reg.io", "team/a");
        options.absent = Repository("other.io", "team/a");
        options.expectedUsername = "user";
        for (const auto& finding : testing::checkCredentialSource(make, host, options))
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
        CPPUNIT_ASSERT(host.take().empty());
    }

    void asksAsTheKubeletDoes() {
        programs->write("one", "cat > " + *programs / "request" + "; printf '%s|' \"$@\" \"$A\" \"$EMPTY\" > " +
                                   *programs / "asked" + "; " +
                                   response(R"("cacheKeyType":"Image","auth":{)" + auth("*.io/team", "u") + "}"));
        const auto source = configured(provider("one", "'*.io'", "0s",
                                                "  args: [get-credentials, --x=y z]\n  env:\n  - {name: A, value: b}\n"
                                                "  - {name: EMPTY, value: \"\"}\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("u:p"), found(*source, "reg.io", "team/app"));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"kind":"CredentialProviderRequest",)"
                                         R"("apiVersion":"credentialprovider.kubelet.k8s.io/v1",)"
                                         R"("image":"reg.io/team/app"})"),
                             programs->left("request"));
        CPPUNIT_ASSERT_EQUAL(std::string("get-credentials|--x=y z|b||"), programs->left("asked"));
        CPPUNIT_ASSERT_EQUAL(std::string(""), found(*source, "reg.io", "other/app")); // not what auth is for
        CPPUNIT_ASSERT_EQUAL(std::string("*.io/team from one for reg.io/team/app"),
                             findIn(*source, "reg.io", "team/app")[0].name);
        std::filesystem::remove(*programs / "request");
        CPPUNIT_ASSERT_EQUAL(std::string(""), found(*source, "reg.example.com", "team/app"));
        CPPUNIT_ASSERT_EQUAL(std::string(""), programs->left("request")); // nobody was asked
    }

    void refusesOtherConfigurations() {
        const std::string good = provider("one", "reg.io");
        const auto replaced = [&](const std::string& from, const std::string& to) {
            std::string text = config(good);
            const auto at = text.find(from);
            CPPUNIT_ASSERT(at != std::string::npos);
            return text.replace(at, from.size(), to);
        };
        for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
                 {"", "is empty"},
                 {"[]", "must be an object"},
                 {config(""), "providers"},
                 {replaced("kubelet.config.k8s.io/v1", "kubelet.config.k8s.io/v1beta1"),
                  "apiVersion must be \"kubelet.config.k8s.io/v1\""},
                 {replaced("CredentialProviderConfig", "Other"), "kind must be \"CredentialProviderConfig\""},
                 {replaced("k8s.io/v1\n  def", "k8s.io/v1alpha1\n  def"), "providers[0].apiVersion must be"},
                 {replaced("name: one", "name: ../one"), "providers[0].name must be the name of a program"},
                 {replaced("name: one", "name: .."), "providers[0].name must be the name of a program"},
                 {replaced("name: one", "nome: one"), "providers[0].nome"},
                 {replaced("name: one", "name: 7"), "providers[0].name must be a string"},
                 {replaced("\"0s\"", "\"soon\""), "providers[0].defaultCacheDuration must be a duration"},
                 {replaced("[reg.io]", "[]"), "providers[0].matchImages must be a list that is not empty"},
                 {replaced("[reg.io]", "[\"u@reg.io\"]"), "providers[0].matchImages[0] must be host"},
                 {replaced("[reg.io]", "reg.io"), "providers[0].matchImages must be a list"},
                 {config(good + "  args: {a: b}\n"), "providers[0].args must be a list"},
                 {config(good + "  env: [{name: \"A=B\", value: c}]\n"), "providers[0].env[0].name must be"},
                 {config(good + "  env: [{name: A, value: c, more: d}]\n"), "providers[0].env[0].more"},
                 {config(good + "  tokenAttributes: {serviceAccountTokenAudience: x}\n"),
                  "providers[0].tokenAttributes must be left out: the tokens of service accounts"},
                 {config(good + good), "providers[1].name must be unique"},
                 {config(good + "  name: two\n"), "'name' stands twice"}}) {
            writeFile(file(), text);
            const auto source = makeSource(host, settings());
            const std::string fault = faultOf(*source, "reg.io");
            assertHas(fault, expected);
            assertHas(fault, "credential-provider-config: " + file());
        }
    }

    void combinesWhatSeveralSay() {
        const auto says = [&](const std::string& name, const std::string& entries) {
            programs->write(name, response(R"("cacheKeyType":"Image","auth":{)" + entries + "}"));
        };
        says("first", auth("reg.io", "first") + "," + auth("elsewhere.io", "no"));
        says("second", auth("reg.io", "second") + "," + auth("reg.io/team", "team") + "," + auth("*.io", "glob"));
        says("empty", "");
        programs->write("nothing", response(R"("cacheKeyType":"Image","auth":null)"));
        programs->write("other", "exit 1");
        const auto source =
            configured(provider("first", "reg.io") + provider("empty", "'*.io'") + provider("nothing", "'*.io'") +
                       provider("second", "'*.io'") + provider("other", "other.io"));
        CPPUNIT_ASSERT_EQUAL(std::string("team:p first:p second:p glob:p"), found(*source, "reg.io", "team/app"));
        CPPUNIT_ASSERT_EQUAL(std::string("first:p second:p glob:p"), found(*source, "reg.io", "app"));
        CPPUNIT_ASSERT_EQUAL(std::string("glob:p"), found(*source, "third.io", "app"));
        assertHas(faultOf(*source, "other.io"), "credential provider other for other.io failed: exit 1");
    }

    void refusesOtherAnswers() {
        const std::string good = R"("cacheKeyType":"Image","auth":{)" + auth("reg.io", "u", "hunter2") + "}";
        const auto kind = [](const std::string& name, const std::string& version) {
            return R"(echo '{"kind":")" + name + R"(","apiVersion":")" + version + R"(","cacheKeyType":"Image"}')";
        };
        int number = 0;
        for (const auto& [script, expected] : std::vector<std::pair<std::string, std::string>>{
                 {response(good) + "; exit 3", "failed: exit 3"},
                 {"echo hunter2 >&2; exit 1", "exit 1, 8 bytes on stderr not shown"},
                 {"exit 0", "empty"},
                 {"echo hunter2", "not valid JSON"},
                 {kind("Other", "credentialprovider.kubelet.k8s.io/v1"), "kind is another"},
                 {kind("CredentialProviderResponse", "credentialprovider.kubelet.k8s.io/v1beta1"),
                  "apiVersion is another"},
                 {response(R"("auth":{})"), "cacheKeyType must be Image, Registry or Global"},
                 {response(R"("cacheKeyType":"image")"), "cacheKeyType must be"},
                 {response(R"("cacheDuration":"-1s",)" + good), "cacheDuration is not a duration"},
                 {response(R"("cacheDuration":5,)" + good), "cacheDuration must be a string"},
                 {response(R"("hunter2":1,)" + good), "a field that is not known"},
                 {response(R"("cacheKeyType":"Image","auth":["hunter2"])"), "auth must be an object"},
                 {response(R"("cacheKeyType":"Image","auth":{"hunter2@x":{"username":"u"}})"), "a key of auth is not"},
                 {response(R"("cacheKeyType":"Image","auth":{"reg.io":{"token":"hunter2"}})"),
                  "a field that is not known"},
                 {response(R"("cacheKeyType":"Image","auth":{"reg.io":{"password":["hunter2"]}})"), "must be a string"},
                 {"head -c 70000 /dev/zero", "more than 64 KiB"}}) {
            const std::string name = "p" + std::to_string(number++);
            programs->write(name, script);
            const auto source = configured(provider(name, "reg.io"));
            const std::string fault = faultOf(*source, "reg.io");
            assertHas(fault, expected);
            assertHas(fault, name);
        }
        assertHas(faultOf(*configured(provider("gone", "reg.io")), "reg.io"), "gone is not in " + programs->path());
    }

    void remembersForWhatTheAnswerSays() {
        const auto runsOf = [&](const std::string& scope) {
            programs->write(
                "one", counted(response(R"("cacheKeyType":")" + scope + R"(","auth":{)" + auth("*.io", "u") + "}")));
            std::filesystem::remove(*programs / "ran");
            const auto source = configured(provider("one", "'*.io'", "1h"));
            std::string result;
            for (const auto& [registry, name] : std::vector<std::pair<std::string, std::string>>{
                     {"a.io", "x"}, {"a.io", "x"}, {"a.io", "y"}, {"b.io", "x"}, {"a.io", "x"}}) {
                CPPUNIT_ASSERT_EQUAL(std::string("u:p"), found(*source, registry, name));
                result += std::to_string(runs());
            }
            return result;
        };
        CPPUNIT_ASSERT_EQUAL(std::string("11233"), runsOf("Image"));
        CPPUNIT_ASSERT_EQUAL(std::string("11122"), runsOf("Registry"));
        CPPUNIT_ASSERT_EQUAL(std::string("11111"), runsOf("Global"));
    }

    /// Of two of one name and registry, the second would count as the first one changed.
    void namesWhatAnAnswerIsFor() {
        const auto namesOf = [&](const std::string& scope) {
            programs->write("one", response(R"("cacheKeyType":")" + scope + R"(","auth":{)" + auth("*.io", "u") + "}"));
            const auto source = configured(provider("one", "'*.io'"));
            return findIn(*source, "a.io", "x")[0].name + ", " + findIn(*source, "a.io", "y")[0].name;
        };
        CPPUNIT_ASSERT_EQUAL(std::string("*.io from one for a.io/x, *.io from one for a.io/y"), namesOf("Image"));
        CPPUNIT_ASSERT_EQUAL(std::string("*.io from one, *.io from one"), namesOf("Registry"));
        CPPUNIT_ASSERT_EQUAL(std::string("*.io from one, *.io from one"), namesOf("Global"));
    }

    void remembersAsLongAsTheAnswerSays() {
        const auto runsOf = [&](const std::string& answer, const std::string& byDefault, const std::string& longest) {
            programs->write("one", counted(response(R"("cacheKeyType":"Global",)" +
                                                    (answer.empty() ? "" : R"("cacheDuration":")" + answer + "\",") +
                                                    R"("auth":{)" + auth("*.io", "u") + "}")));
            std::filesystem::remove(*programs / "ran");
            writeFile(file(), config(provider("one", "'*.io'", byDefault)));
            auto values = settings();
            values.push_back({"credential-provider-cache-limit", longest, "t:9"});
            const auto source = makeSource(host, values);
            for (int i = 0; i < 3; ++i) {
                if (i > 0) std::this_thread::sleep_for(milliseconds(60));
                CPPUNIT_ASSERT_EQUAL(std::string("u:p"), found(*source, "a.io", "x"));
            }
            return runs();
        };
        CPPUNIT_ASSERT_EQUAL(1, runsOf("", "1h", "10m"));
        CPPUNIT_ASSERT_EQUAL(1, runsOf("6h0m0s", "0s", "10m"));
        CPPUNIT_ASSERT_EQUAL(3, runsOf("0s", "1h", "10m")); // told not to
        CPPUNIT_ASSERT_EQUAL(3, runsOf("", "0s", "10m"));
        CPPUNIT_ASSERT_EQUAL(3, runsOf("50ms", "1h", "10m"));
        CPPUNIT_ASSERT_EQUAL(3, runsOf("6h0m0s", "1h", "50ms")); // the operator's word
    }

    void runsOncePerRegistry() {
        programs->write("one", "sleep 0.3; " + counted(response(R"("cacheKeyType":"Registry","auth":{)" +
                                                                auth("*.io", "u") + "}")));
        const auto source = configured(provider("one", "'*.io'", "1h"));
        std::vector<std::thread> threads;
        std::atomic<int> answers{0};
        for (int i = 0; i < 12; ++i)
            threads.emplace_back([&, i] {
                answers += static_cast<int>(findIn(*source, i % 2 ? "a.io" : "b.io", "r" + std::to_string(i)).size());
            });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(12, answers.load());
        CPPUNIT_ASSERT_EQUAL(2, runs());
    }

    void runsOncePerImageWhereThatIsTheKey() {
        // The runs for other images wait for each other's beginning: they must go on at the same time.
        programs->write("one", counted("n=0; while [ $(wc -l < " + *programs / "ran" + ") -ne 1 ] && [ $(wc -l < " +
                                       *programs / "ran" +
                                       ") -lt 6 ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; sleep 0.3; " +
                                       response(R"("cacheKeyType":"Image","auth":{)" + auth("*.io", "u") + "}")));
        const auto source = configured(provider("one", "'*.io'", "1h"));
        const auto begin = Call::Clock::now();
        std::vector<std::thread> threads;
        std::atomic<int> answers{0};
        for (int i = 0; i < 12; ++i)
            threads.emplace_back(
                [&, i] { answers += static_cast<int>(findIn(*source, "a.io", "r" + std::to_string(i % 6)).size()); });
        for (auto& thread : threads)
            thread.join();
        CPPUNIT_ASSERT_EQUAL(12, answers.load());
        CPPUNIT_ASSERT_EQUAL(6, runs());
        CPPUNIT_ASSERT(Call::Clock::now() - begin < std::chrono::seconds(9));
    }

    void followsItsConfiguration() {
        programs->write("one",
                        response(R"("cacheKeyType":"Global","auth":{"*.io":{"username":"'"$1"'","password":"p"}})"));
        const auto source = configured(provider("one", "'*.io'", "1h", "  args: [first]\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("first:p"), found(*source, "a.io"));
        // What was remembered is not what it is asked now.
        writeFile(file(), config(provider("one", "'*.io'", "1h", "  args: [second]\n")));
        CPPUNIT_ASSERT_EQUAL(std::string("second:p"), found(*source, "a.io"));
        host.take();
        writeFile(file(), "broken: [");
        CPPUNIT_ASSERT_EQUAL(std::string("second:p"), found(*source, "a.io"));
        const auto lines = host.take();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), lines.size());
        assertHas(lines[0], "stay in force");
    }

private:
    std::string counted(const std::string& script) const { return "echo x >> " + *programs / "ran" + "; " + script; }
    int runs() const {
        const std::string text = programs->left("ran");
        return static_cast<int>((text.size() + 1) / 2);
    }
    std::string file() const { return *programs / "providers.yaml"; }
    std::vector<KeyValue> settings() const {
        return {{"credential-provider-config", file(), "t:1"},
                {"credential-provider-bin-dir", programs->path(), "t:2"},
                {"helper-path", "/usr/bin, /bin", "t:3"}};
    }
    std::unique_ptr<file::FileCredentialSource> configured(const std::string& providers) {
        writeFile(file(), config(providers));
        return makeSource(host, settings());
    }

    std::unique_ptr<HelperPrograms> programs;
    RecordingHost host;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CredentialProvidersTest);
