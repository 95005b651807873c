// SPDX-License-Identifier: Apache-2.0
#include "SourceFixture.h"

#include "plugins/Door.h"
#include "wasmproxy/testing/CredentialSourceSuite.h"

namespace wasmproxy::test {
namespace {

/// What the settings choose, for every repository.
class ChosenSecretsTest : public CppUnit::TestFixture, private SourceFixture {
    CPPUNIT_TEST_SUITE(ChosenSecretsTest);
    CPPUNIT_TEST(passesTheConformanceSuite);
    CPPUNIT_TEST(aMalformedOneIsNotAbsent);
    CPPUNIT_TEST(secretsOfTheList);
    CPPUNIT_TEST(oneThatCannotBeReadTakesNoOtherAway);
    CPPUNIT_TEST(saysWhatIsOdd);
    CPPUNIT_TEST(bySelector);
    CPPUNIT_TEST(allOfThem);
    CPPUNIT_TEST(ofAServiceAccount);
    CPPUNIT_TEST(settingsAreChecked);
    CPPUNIT_TEST(needsANamespace);
    CPPUNIT_TEST_SUITE_END();

public:
    void passesTheConformanceSuite() {
        putSecret("regcred", "reg.io", "correct horse battery staple");
        leastRole("regcred");
        leastRole("wasm-proxy-conformance-no-such-secret");
        testing::CredentialSourceOptions options;
        options.present = Repository("reg.io", "team/a");
        options.absent = Repository("other.io", "team/a");
        options.expectedUsername = "robot";
        options.rotate = [&](const std::string& secret) { putSecret("regcred", "reg.io", secret); };
        options.damage = [&] { putConfig("regcred", R"({"auths":{"reg.io":7)"); };
        options.revoke = [&] { cluster.api.remove("secrets", "istio-system", "regcred"); };
        options.slow = [&](std::chrono::milliseconds time) {
            KubeApi::Faults faults;
            faults.delay = time;
            cluster.api.setFaults(faults);
        };
        const Door door(PLUGIN_LIBRARY);
        const std::vector<KeyValue> values = {{"kubeconfig", kubeconfig(), "test"}, {"secrets", "regcred", "test"}};
        const auto findings = testing::checkCredentialSource(
            [&](HostServices& host) { return door.make<CredentialSource>(host, values); }, cluster.services, options);
        CPPUNIT_ASSERT_EQUAL(std::size_t(15), findings.size());
        for (const auto& finding : findings)
            CPPUNIT_ASSERT_MESSAGE(finding.name + ": " + finding.detail, finding.passed);
    }

    void aMalformedOneIsNotAbsent() {
        putSecret("good", "reg.io", "one");
        putConfig("broken", R"({"auths":[]})");
        const auto chosen = source({{"secrets", "broken, good"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*chosen, "reg.io")));
        expectError("not proved absent", ErrorCode::CredentialSourceFault,
                    "Secret istio-system/broken gives no credential: ", [&] { find(*chosen, "other.io"); });
        // Where nobody named it, it is anybody's mistake.
        CPPUNIT_ASSERT(find(*source({{"all", "true"}}), "other.io").empty());
    }

    void secretsOfTheList() {
        putSecret("a", "reg.io", "one");
        putSecret("b", "reg.io/team", "two");
        putSecret("c", "reg.io", "three");
        const auto made = source({{"secrets", "a, b"}});
        CPPUNIT_ASSERT_EQUAL(std::string("two,one"), passwordOf(find(*made, "reg.io"))); // the longer path first
        CPPUNIT_ASSERT(find(*made, "other.io").empty());
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io", "a")));
        CPPUNIT_ASSERT(cluster.api.awaitWatches(2)); // the same watch serves a query by name
        putSecret("a", "reg.io", "four");
        CPPUNIT_ASSERT(withinASecond([&] { return passwordOf(find(*made, "reg.io")) == "two,four"; }));
        cluster.api.remove("secrets", "istio-system", "b");
        CPPUNIT_ASSERT(withinASecond([&] { return passwordOf(find(*made, "reg.io")) == "four"; }));
    }

    void oneThatCannotBeReadTakesNoOtherAway() {
        putSecret("a", "reg.io", "one");
        leastRole("a");
        const auto made = source({{"secrets", "b, a"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io")));
        expectError("not proved absent", ErrorCode::CredentialSourceFault, "Secret istio-system/b cannot be read",
                    [&] { find(*made, "other.io"); });
    }

    void saysWhatIsOdd() {
        cluster.api.putSecret("istio-system", "basic", "kubernetes.io/basic-auth",
                              {{"username", "u"}, {"password", "hunter2"}});
        const auto made = source({{"secrets", "absent, basic"}});
        CPPUNIT_ASSERT(find(*made, "reg.io").empty());
        CPPUNIT_ASSERT(cluster.services.logged("Secret istio-system/absent does not exist; it is used once it is"));
        CPPUNIT_ASSERT(cluster.services.logged("Secret istio-system/basic names no registry"));
        CPPUNIT_ASSERT(!cluster.services.logged("hunter2"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), cluster.services.lines().size());
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), passwordOf(find(*made, "reg.io", "basic")));
    }

    void bySelector() {
        const std::string config = R"({"auths":{"reg.io":{"username":"u","password":"one"}}})";
        auto& api = cluster.api;
        api.putSecret("istio-system", "a", "kubernetes.io/dockerconfigjson", {{".dockerconfigjson", config}},
                      {{"pull", "wasm"}});
        api.putSecret("istio-system", "b", "kubernetes.io/dockercfg",
                      {{".dockercfg", R"({"cfg.io":{"username":"u","password":"two"}})"}}, {{"pull", "wasm"}});
        putSecret("c", "other.io", "three");
        const auto made = source({{"selector", "pull=wasm"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io")));
        CPPUNIT_ASSERT_EQUAL(std::string("two"), passwordOf(find(*made, "cfg.io")));
        CPPUNIT_ASSERT(find(*made, "other.io").empty());
        CPPUNIT_ASSERT(cluster.services.logged("selector needs a Role with the rule {apiGroups: [\"\"], resources: "
                                               "[secrets], verbs: [list, watch]}"));
        CPPUNIT_ASSERT_EQUAL(std::string("three"), passwordOf(find(*made, "other.io", "c")));
        CPPUNIT_ASSERT(find(*made, "other.io").empty());
    }

    void allOfThem() {
        putSecret("a", "reg.io", "one");
        cluster.api.putSecret("istio-system", "cacerts", "Opaque", {{"username", "u"}, {"password", "key"}});
        const auto made = source({{"all", "true"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), passwordOf(find(*made, "reg.io")));
        putSecret("b", "reg.io", "two");
        CPPUNIT_ASSERT(withinASecond([&] { return passwordOf(find(*made, "reg.io")) == "one,two"; }));
        CPPUNIT_ASSERT(cluster.services.logged("all needs a Role"));
        for (const auto& path : cluster.api.paths()) // the mesh's key never leaves the API server
            CPPUNIT_ASSERT_MESSAGE(path, path.find("fieldSelector=type%3Dkubernetes.io%2Fdocker") != std::string::npos);
    }

    void ofAServiceAccount() {
        cluster.api.put("serviceaccounts", "istio-system", "puller",
                        R"({"imagePullSecrets":[{"name":"a"},{"name":"b"},{"name":"a"}]})");
        putSecret("a", "reg.io", "one");
        putSecret("b", "reg.io", "two");
        putSecret("c", "reg.io", "three");
        const auto made = source({{"service-account", "puller"}});
        CPPUNIT_ASSERT_EQUAL(std::string("one,two"), passwordOf(find(*made, "reg.io")));
        cluster.api.put("serviceaccounts", "istio-system", "puller", R"({"imagePullSecrets":[{"name":"c"}]})");
        CPPUNIT_ASSERT(withinASecond([&] { return passwordOf(find(*made, "reg.io")) == "three"; }));
        cluster.api.remove("serviceaccounts", "istio-system", "puller");
        CPPUNIT_ASSERT(withinASecond([&] { return find(*made, "reg.io").empty(); }));
        CPPUNIT_ASSERT(cluster.services.logged("ServiceAccount istio-system/puller is absent"));
    }

    void settingsAreChecked() {
        const std::vector<std::pair<Values, std::string>> rows = {{{{"namespace", "a.b"}}, "namespace"},
                                                                  {{{"kubeconfig", "config"}}, "kubeconfig"},
                                                                  {{{"secrets", "ok, Not"}}, "secrets"},
                                                                  {{{"service-account", "A"}}, "service-account"},
                                                                  {{{"selector", "a=b"}, {"all", "true"}}, "selector"}};
        for (const auto& [values, key] : rows) {
            KubernetesSettings settings;
            std::vector<KeyValue> texts;
            for (const auto& [name, value] : values)
                texts.push_back({name, value, "file:1"});
            std::vector<SettingsProblem> problems;
            settings.apply(texts, "credential.x.", problems);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(key, std::size_t(1), problems.size());
            CPPUNIT_ASSERT_EQUAL("credential.x." + key, problems[0].key);
        }
    }

    void needsANamespace() {
        const auto path = folder.write("none", "current-context: t\ncontexts: [{name: t, context: {cluster: c}}]\n"
                                               "clusters: [{name: c, cluster: {server: 'https://a:1'}}]\n");
        expectError("none", ErrorCode::SettingsInvalid, "names no namespace", [&] { source({{"kubeconfig", path}}); });
        expectError("absent", ErrorCode::SettingsInvalid, "kubeconfig /absent/file", [&] {
            source({{"kubeconfig", "/absent/file"}});
        });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChosenSecretsTest);

} // namespace
} // namespace wasmproxy::test
