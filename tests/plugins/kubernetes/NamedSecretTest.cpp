// SPDX-License-Identifier: Apache-2.0
#include "SourceFixture.h"
#include "wasmproxy/plugin/SecretUnknown.h"

#include <atomic>

namespace wasmproxy::test {
namespace {

/// What Extensions ask for: the credentials of one Secret.
class NamedSecretTest : public CppUnit::TestFixture, private SourceFixture {
    CPPUNIT_TEST_SUITE(NamedSecretTest);
    CPPUNIT_TEST(followsWhatIsAskedForAndNothingElse);
    CPPUNIT_TEST(rotationIsSeenWithinASecond);
    CPPUNIT_TEST(appearsAndDisappears);
    CPPUNIT_TEST(everyType);
    CPPUNIT_TEST(namesTheRegistriesItIsFor);
    CPPUNIT_TEST(aRefusalPrintsTheRule);
    CPPUNIT_TEST(aRuleAddedIsSeenByTheNextQuery);
    CPPUNIT_TEST(isNoAnswerToQueriesWithoutAName);
    CPPUNIT_TEST(refusesWhatIsNoName);
    CPPUNIT_TEST(whatIsNotItsOwnIsLeftToOthers);
    CPPUNIT_TEST(startsWithoutAnApiServer);
    CPPUNIT_TEST(anOutageLeavesWhatWasRead);
    CPPUNIT_TEST(waitsNoLongerThanTheCall);
    CPPUNIT_TEST(boundsTheNames);
    CPPUNIT_TEST(letsGoOfWhatNobodyAsksForToMakeRoom);
    CPPUNIT_TEST(hundredRotationsUnderLoad);
    CPPUNIT_TEST_SUITE_END();

public:
    void followsWhatIsAskedForAndNothingElse() {
        putSecret("regcred", "reg.io", "one");
        putSecret("other", "reg.io", "two");
        leastRole("regcred");
        const auto made = source();
        CPPUNIT_ASSERT(cluster.api.paths().empty());
        const auto found = find(*made, "reg.io", "regcred");
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(found));
        CPPUNIT_ASSERT_EQUAL(std::string("robot"), found[0].username);
        CPPUNIT_ASSERT_EQUAL(std::string("reg.io in Secret istio-system/regcred"), found[0].name);
        for (int i = 0; i < 20; ++i)
            find(*made, "reg.io", "regcred");
        CPPUNIT_ASSERT(cluster.api.awaitWatches(1));
        CPPUNIT_ASSERT_EQUAL(1, cluster.api.requests("list"));
        for (const auto& path : cluster.api.paths())
            CPPUNIT_ASSERT_MESSAGE(path, path.find("fieldSelector=metadata.name%3Dregcred") != std::string::npos);
        CPPUNIT_ASSERT(cluster.services.lines().empty());
    }

    void rotationIsSeenWithinASecond() {
        putSecret("regcred", "reg.io", "one");
        leastRole("regcred");
        const auto made = source();
        const auto before = find(*made, "reg.io", "regcred");
        CPPUNIT_ASSERT(cluster.api.awaitWatches(1));
        putSecret("regcred", "reg.io", "two");
        CPPUNIT_ASSERT(withinASecond([&] { return passwordOf(find(*made, "reg.io", "regcred")) == "two"; }));
        CPPUNIT_ASSERT(cluster.services.logged("Secret istio-system/regcred has changed; it is for reg.io"));
        CPPUNIT_ASSERT(before[0].fingerprint() != find(*made, "reg.io", "regcred")[0].fingerprint());
    }

    void appearsAndDisappears() {
        const auto made = source();
        const auto ask = [&] { return find(*made, "reg.io", "regcred"); };
        expectError("absent", ErrorCode::CredentialSourceFault, "Secret istio-system/regcred does not exist", ask);
        expectError("absent", ErrorCode::CredentialSourceFault,
                    "kubectl -n istio-system create secret docker-registry regcred", ask);
        putSecret("regcred", "reg.io", "one");
        CPPUNIT_ASSERT(withinASecond([&] { return exists(ask); }));
        cluster.api.remove("secrets", "istio-system", "regcred");
        CPPUNIT_ASSERT(withinASecond([&] { return !exists(ask); }));
    }

    void everyType() {
        auto& api = cluster.api;
        const std::string ns = "istio-system";
        api.putSecret(ns, "cfg", "kubernetes.io/dockercfg",
                      {{".dockercfg", R"({"https://reg.io/v1/":{"username":"u","password":"p-cfg"}})"}});
        api.putSecret(ns, "basic", "kubernetes.io/basic-auth", {{"username", "u"}, {"password", "p-basic\n"}});
        api.putSecret(ns, "opaque", "Opaque", {{"username", "u\n"}, {"password", "p-opaque"}, {"more", "x"}});
        const auto made = source();
        for (const std::string name : {"cfg", "basic", "opaque"}) {
            const auto found = find(*made, "reg.io", name);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, "p-" + name, passwordOf(found));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string("u"), found[0].username);
        }
        CPPUNIT_ASSERT_EQUAL(std::string("Secret istio-system/basic"), find(*made, "any.where", "basic")[0].name);

        api.putSecret(ns, "ca", "istio.io/ca-root", {{"username", "u"}, {"password", "p"}});
        api.putSecret(ns, "key", "Opaque", {{"key.json", "{}"}});
        api.putSecret(ns, "user", "kubernetes.io/basic-auth", {{"username", "u"}});
        api.putSecret(ns, "empty", "kubernetes.io/dockerconfigjson", {{".dockerconfigjson", R"({"auths":{}})"}});
        api.putSecret(ns, "broken", "kubernetes.io/dockerconfigjson", {{".dockerconfigjson", "{hunter2"}});
        api.putSecret(ns, "without", "kubernetes.io/dockerconfigjson", {{"x", "{}"}});
        for (const auto& [name, words] : Values{{"ca", "its type is not one for registries"},
                                                {"key", "it has no `password`"},
                                                {"user", "it has no `password`"},
                                                {"empty", "no credential for any registry"},
                                                {"broken", "Secret istio-system/broken"},
                                                {"without", "it has no `.dockerconfigjson`"}}) {
            const std::string secret = name;
            const auto ask = [&] { find(*made, "reg.io", secret); };
            expectError(name, ErrorCode::CredentialSourceFault, words, ask);
            expectError(name, ErrorCode::CredentialSourceFault, "Secret istio-system/" + name + " gives no credential",
                        ask);
        }
        for (const auto& line : cluster.services.lines())
            CPPUNIT_ASSERT_MESSAGE(line.text, line.text.find("hunter2") == std::string::npos);
    }

    void namesTheRegistriesItIsFor() {
        putSecret("regcred", "reg.io/team", "one");
        const auto made = source();
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io", "regcred")));
        expectError("another", ErrorCode::CredentialSourceFault,
                    "Secret istio-system/regcred has no credential for other.io/team/authz; it is for reg.io/team",
                    [&] { find(*made, "other.io", "regcred"); });
    }

    void aRefusalPrintsTheRule() {
        putSecret("regcred", "reg.io", "one");
        leastRole("another");
        const auto made = source();
        const auto ask = [&] { find(*made, "reg.io", "regcred"); };
        const auto begun = std::chrono::steady_clock::now();
        for (const char* words :
             {"Secret istio-system/regcred cannot be read", "403 Forbidden",
              "{apiGroups: [\"\"], resources: [secrets], resourceNames: [\"regcred\"], verbs: [get, list, watch]}"})
            expectError("403", ErrorCode::CredentialSourceFault, words, ask);
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < 3s); // it does not wait for what is refused
        std::this_thread::sleep_for(500ms);                            // several attempts later
        int lines = 0;
        for (const auto& line : cluster.services.lines())
            lines += line.text.find("resourceNames: [\"regcred\"]") != std::string::npos;
        CPPUNIT_ASSERT_EQUAL(1, lines);
    }

    void aRuleAddedIsSeenByTheNextQuery() {
        putSecret("regcred", "reg.io", "one");
        cluster.api.forbidAll();
        bounds.timing.firstDelay = bounds.timing.longestDelay = 60s;
        const auto made = source();
        expectError("403", ErrorCode::CredentialSourceFault, "403", [&] { find(*made, "reg.io", "regcred"); });
        leastRole("regcred");
        std::this_thread::sleep_for(1100ms); // younger, the refusal is believed
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io", "regcred")));
    }

    void isNoAnswerToQueriesWithoutAName() {
        putSecret("regcred", "reg.io", "one");
        const auto made = source();
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io", "regcred")));
        CPPUNIT_ASSERT(find(*made, "reg.io").empty());
    }

    void refusesWhatIsNoName() {
        const auto made = source();
        for (const char* name : {"a,metadata.name=b", "A", "a/b", "a\nb"})
            expectError(name, ErrorCode::CredentialSourceFault, "cannot be a Secret's name",
                        [&] { find(*made, "reg.io", name); });
        CPPUNIT_ASSERT(cluster.api.paths().empty());
    }

    void whatIsNotItsOwnIsLeftToOthers() {
        putSecret("regcred", "reg.io", "one");
        putSecret("forbidden", "reg.io", "two");
        leastRole("regcred");
        leastRole("absent");
        const auto made = source();
        CPPUNIT_ASSERT_THROW(find(*made, "reg.io", "absent"), SecretUnknown);
        CPPUNIT_ASSERT_THROW(find(*made, "reg.io", "forbidden"), SecretUnknown);
        const auto isFault = [&](const std::string& host, const std::string& name) {
            try {
                find(*made, host, name, 300ms);
            } catch (const SecretUnknown&) {
                return false;
            } catch (const Error&) {
                return true;
            }
            return false;
        };
        CPPUNIT_ASSERT(isFault("other.io", "regcred")); // it is here, but for another registry
        cluster.api.goAway();
        CPPUNIT_ASSERT(isFault("reg.io", "who-knows"));
    }

    void startsWithoutAnApiServer() {
        putSecret("regcred", "reg.io", "one");
        cluster.api.goAway();
        const auto made = source();
        const auto ask = [&](std::chrono::milliseconds time) { return find(*made, "reg.io", "regcred", time); };
        const auto begun = std::chrono::steady_clock::now();
        expectError("away", ErrorCode::CredentialSourceFault, "Secret istio-system/regcred cannot be read",
                    [&] { ask(300ms); });
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun >= 250ms);
        std::thread back([&] {
            std::this_thread::sleep_for(200ms);
            cluster.api.comeBack();
        });
        const auto found = ask(5000ms); // waits for it
        back.join();
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(found));
    }

    void anOutageLeavesWhatWasRead() {
        putSecret("regcred", "reg.io", "one");
        const auto made = source();
        find(*made, "reg.io", "regcred");
        CPPUNIT_ASSERT(cluster.api.awaitWatches(1));
        cluster.api.goAway();
        putSecret("regcred", "reg.io", "two");
        for (int i = 0; i < 50; ++i) {
            CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io", "regcred", 100ms)));
            std::this_thread::sleep_for(10ms);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), cluster.services.lines().size());
        CPPUNIT_ASSERT(cluster.services.logged("stays in force"));
        cluster.api.comeBack();
        CPPUNIT_ASSERT(withinASecond([&] { return passwordOf(find(*made, "reg.io", "regcred")) == "two"; }));
    }

    void waitsNoLongerThanTheCall() {
        ScriptedServer silent([](ScriptedServer::Connection& connection) {
            connection.readRequest();
            connection.sleep(20s);
        });
        const auto path = folder.write("silent", "current-context: t\ncontexts: [{name: t, context: {cluster: c}}]\n"
                                                 "clusters: [{name: c, cluster: {server: '" +
                                                     silent.url("") + "'}}]\n");
        const auto made = source({{"kubeconfig", path}, {"namespace", "ns"}});
        const auto begun = std::chrono::steady_clock::now();
        expectError("silent", ErrorCode::CredentialSourceFault, "Secret ns/regcred is not known yet",
                    [&] { find(*made, "reg.io", "regcred", 300ms); });
        std::atomic<bool> cancelled{false};
        std::thread cancel([&] {
            std::this_thread::sleep_for(100ms);
            cancelled = true;
        });
        Call call("test", Call::Clock::now() + 20s, &cancelled);
        expectError("cancelled", ErrorCode::CredentialSourceFault, "not known yet", [&] {
            made->find(call, {Repository("reg.io", "a"), "regcred"});
        });
        cancel.join();
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun < 2s);
    }

    void boundsTheNames() {
        bounds.names.names = 3;
        const auto made = source();
        for (const char* name : {"a", "b", "c", "a"})
            expectError(name, ErrorCode::CredentialSourceFault, "does not exist", [&] { find(*made, "reg.io", name); });
        expectError("d", ErrorCode::CredentialSourceFault, "3 others are", [&] { find(*made, "reg.io", "d"); });
    }

    void letsGoOfWhatNobodyAsksForToMakeRoom() {
        bounds.names.names = 2;
        bounds.names.idle = 300ms;
        putSecret("kept", "reg.io", "one");
        putSecret("asked", "reg.io", "two");
        putSecret("other", "reg.io", "three");
        const auto made = source({{"secrets", "kept"}});
        find(*made, "reg.io", "asked");
        CPPUNIT_ASSERT(cluster.api.awaitWatches(2));
        cluster.api.goAway();
        std::this_thread::sleep_for(400ms); // nobody asks, and then there is nobody to ask
        CPPUNIT_ASSERT_EQUAL(std::string("two"), passwordOf(find(*made, "reg.io", "asked", 300ms)));
        cluster.api.comeBack();
        std::this_thread::sleep_for(400ms);
        CPPUNIT_ASSERT_EQUAL(std::string("three"), passwordOf(find(*made, "reg.io", "other")));
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io")));
        CPPUNIT_ASSERT(cluster.api.awaitWatches(2)); // of the two
    }

    void hundredRotationsUnderLoad() {
        putSecret("regcred", "reg.io", "0");
        leastRole("regcred");
        const auto made = source();
        find(*made, "reg.io", "regcred");
        CPPUNIT_ASSERT(cluster.api.awaitWatches(1));
        std::atomic<bool> done{false};
        std::atomic<int> wrong{0};
        std::atomic<int> asked{0};
        std::vector<std::thread> askers;
        for (int i = 0; i < 4; ++i)
            askers.emplace_back([&] {
                int last = 0;
                while (!done) {
                    try {
                        const auto found = find(*made, "reg.io", "regcred");
                        const int seen = std::stoi(passwordOf(found));
                        if (found.size() != 1 || seen < last) ++wrong; // never back to an older one
                        last = seen;
                    } catch (const std::exception&) {
                        ++wrong;
                    }
                    ++asked;
                    std::this_thread::sleep_for(1ms);
                }
            });
        bool late = false;
        for (int i = 1; i <= 100 && !late; ++i) {
            putSecret("regcred", "reg.io", std::to_string(i));
            late = !withinASecond([&] { return passwordOf(find(*made, "reg.io", "regcred")) == std::to_string(i); });
        }
        done = true;
        for (auto& asker : askers)
            asker.join();
        CPPUNIT_ASSERT(!late);
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
        CPPUNIT_ASSERT(asked > 100);
    }

private:
    template <class Ask>
    static bool exists(Ask ask) {
        try {
            return !ask().empty();
        } catch (const Error&) {
            return false;
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(NamedSecretTest);

} // namespace
} // namespace wasmproxy::test
