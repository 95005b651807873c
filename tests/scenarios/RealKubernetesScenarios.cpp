// SPDX-License-Identifier: Apache-2.0
// What KubernetesScenarios does, with a real kube-apiserver: its RBAC, tokens, custom resources and watches, set up by
// the files of packaging/kubernetes.
#include "KubernetesStage.h"

#include "support/Base64.h"
#include "support/KubeApiServer.h"

#include <Poco/JSON/Parser.h>

#include <iostream>
#include <sstream>

using namespace wasmproxy::test;

namespace {

const std::string First = "right"; // the registry's password at the start
const std::string Second = "rotated-password";
const std::string Core = "/api/v1/namespaces/istio-system/";
const std::string Extensions = "/apis/extension.wasmproxy.io/v1alpha1/namespaces/istio-system/wasmextensions";
const std::string Roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/istio-system/roles";

Poco::JSON::Object::Ptr parsed(const std::string& json) {
    return Poco::JSON::Parser().parse(json).extract<Poco::JSON::Object::Ptr>();
}

} // namespace

class RealKubernetesScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RealKubernetesScenarios);
    CPPUNIT_TEST(threeStepsAndARotation);
    CPPUNIT_TEST(theDefinitionKeepsWhatIsNotKnown);
    CPPUNIT_TEST(theApiServerRestarts);
    CPPUNIT_TEST(theDefinitionAndTheRuleComeLate);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<KubeApiServer> api; // none: there is no kube-apiserver here
    std::unique_ptr<KubernetesStage> stage;
    std::string token;

public:
    void setUp() override {
        static const auto missing = KubeApiServer::missing();
        if (!missing.empty()) {
            std::cout << "\nSKIPPED: no real API server: " << missing << std::endl;
            return;
        }
        auto server = std::make_unique<KubeApiServer>();
        server->makeNamespace(KubernetesStage::Namespace);
        server->apply(SOURCE_ROOT "/packaging/kubernetes/wasm-proxy.yaml");
        token = server->serviceAccountToken(KubernetesStage::Namespace, "wasm-proxy");
        stage = std::make_unique<KubernetesStage>();
        api = std::move(server);
    }
    void tearDown() override {
        const auto ended = std::move(stage);
        if (ended && ended->proxy && ended->proxy->running()) ended->stopProxy();
        api.reset();
    }

private:
    void define() {
        api->apply(SOURCE_ROOT "/packaging/kubernetes/wasmextensions.yaml");
        KubernetesStage::await("the resource WasmExtension",
                               [&] { return api->send("GET", Extensions).status == 200; });
    }
    void start() { stage->startProxy({api->url(), api->certificate().pem(), token}); }

    std::string secret(const std::string& name, const std::string& password) const {
        return R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":")" + name +
               R"("},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":")" +
               base64(dockerConfig(stage->host(), "robot", password)) + "\"}}";
    }
    void createSecret(const std::string& name, const std::string& password) const {
        api->must("POST", Core + "secrets", secret(name, password));
    }
    void createExtension(const std::string& name, const std::string& repositoryAndTag, const std::string& secretName,
                         const std::string& moreOfSpec = {}) const {
        api->must("POST", Extensions, stage->extension(name, repositoryAndTag, secretName, moreOfSpec));
    }
    /// With the resource version that is there, as `kubectl apply` does.
    void changeUrl(const std::string& name, const std::string& url) const {
        for (int tries = 0;; ++tries) {
            const auto object = parsed(api->must("GET", Extensions + "/" + name));
            object->getObject("spec")->set("url", url);
            std::ostringstream json;
            object->stringify(json);
            const auto answer = api->send("PUT", Extensions + "/" + name, json.str());
            if (answer.status == 200) return;
            CPPUNIT_ASSERT_MESSAGE(answer.body, answer.status == 409 && tries < 10); // its status was written meanwhile
        }
    }
    std::string statusField(const std::string& name, const std::string& field) const {
        const auto status = parsed(api->must("GET", Extensions + "/" + name))->getObject("status");
        return status ? status->optValue<std::string>(field, "") : "";
    }
    void awaitStatus(const std::string& name, const std::string& field, const std::string& part) const {
        KubernetesStage::await(name + "'s " + field + " with " + part,
                               [&] { return statusField(name, field).find(part) != std::string::npos; });
    }
    int asProxy(const std::string& method, const std::string& path, const std::string& json = {}) const {
        return api->sendAs(token, method, path, json).status;
    }

    void threeStepsAndARotation() {
        if (!api) return;
        define();
        // The Role that is shipped allows this and no more.
        createSecret("cacerts", "of-the-mesh");
        CPPUNIT_ASSERT_EQUAL(403, asProxy("GET", Core + "secrets/cacerts"));
        CPPUNIT_ASSERT_EQUAL(403, asProxy("GET", Core + "secrets"));
        CPPUNIT_ASSERT_EQUAL(404, asProxy("GET", Core + "secrets/regcred"));
        CPPUNIT_ASSERT_EQUAL(200, asProxy("GET", Core + "secrets?fieldSelector=metadata.name%3Dregcred"));
        CPPUNIT_ASSERT_EQUAL(403, asProxy("POST", Extensions, stage->extension("x", "team/x:v1", "")));

        const auto first = uniqueModule("real first", 20000);
        const auto second = uniqueModule("real second", 20000);
        const auto digest = stage->put("team/authz:v1", first);
        const auto next = stage->put("team/authz:v2", second);
        start();                                              // 1: it is on
        createSecret("regcred", First);                       // 2
        createExtension("authz", "team/authz:v1", "regcred"); // 3
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->assertServed("/extensions/authz.wasm", first);
        stage->assertServed(stage->fetchTarget("team/authz:v1"), first);
        awaitStatus("authz", "resolvedDigest", digest);
        CPPUNIT_ASSERT_EQUAL(sha256Hex(first), statusField("authz", "moduleSha256"));
        CPPUNIT_ASSERT_EQUAL(std::string(KubernetesStage::PublicUrl) + "/extensions/authz.wasm?digest=" + digest,
                             statusField("authz", "url"));
        CPPUNIT_ASSERT_EQUAL(std::string(), statusField("authz", "lastError"));

        stage->rotate(Second);
        api->must("PUT", Core + "secrets/regcred", secret("regcred", Second));
        changeUrl("authz", stage->url("team/authz:v2"));
        stage->awaitListed("authz", stage->url("team/authz:v2"));
        stage->assertServed("/extensions/authz.wasm", second);
        awaitStatus("authz", "resolvedDigest", next);
        CPPUNIT_ASSERT_EQUAL(std::string(), statusField("authz", "lastError"));
        stage->assertNoSecrets({Second, token, "of-the-mesh"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(stage->proxy->log(), std::size_t(0), stage->logged("could not be written"));

        api->must("DELETE", Extensions + "/authz");
        KubernetesStage::await("the end of authz", [&] { return !stage->listed("authz"); });
        stage->assertRefused("/extensions/authz.wasm", 404, {});
    }

    void theDefinitionKeepsWhatIsNotKnown() {
        if (!api) return;
        define();
        start();
        createExtension("misspelt", "team/authz:v1", "", R"(,"sha265":"00")");
        awaitStatus("misspelt", "lastError", "spec.sha265");
        CPPUNIT_ASSERT_EQUAL(std::string("refused"), stage->listed("misspelt")->optValue<std::string>("state", ""));
        // What is of the wrong type does not get as far.
        for (const char* wrong : {R"(,"imagePullPolicy":"Sometimes")", R"(,"priority":"high")", R"(,"config":"text")",
                                  R"(,"allowedIn":{})", R"(,"vmConfig":{"env":[{"name":1}]})"}) {
            const auto answer =
                api->send("POST", Extensions, stage->extension("wrong", "team/authz:v1", "regcred", wrong));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(wrong + answer.body, 422, answer.status);
        }
        // And what is right is kept as it was written.
        const std::string all = R"(,"imagePullPolicy":"Always","sha256":")" + std::string(64, 'a') +
                                R"(","allowedIn":["tenants/x"],"phase":"AUTHZ","priority":-5,"description":"d",)"
                                R"("source":"s","config":{"deep":{"list":[1,2.5,null,"x"]}},"match":[{"any":1}],)"
                                R"("vmConfig":{"env":[{"name":"A","valueFrom":"INLINE","value":"b"}]})";
        createExtension("whole", "team/authz:v1", "", all);
        stage->awaitListed("whole", stage->url("team/authz:v1"));
        const auto entry = stage->listed("whole");
        CPPUNIT_ASSERT_EQUAL(std::string("in force"), entry->optValue<std::string>("state", ""));
        CPPUNIT_ASSERT_EQUAL(std::string(64, 'a'), entry->optValue<std::string>("sha256", ""));
        CPPUNIT_ASSERT_EQUAL(-5, entry->optValue<int>("priority", 0));
    }

    void theApiServerRestarts() {
        if (!api) return;
        define();
        const auto before = uniqueModule("real before");
        const auto during = uniqueModule("real during");
        const auto after = uniqueModule("real after");
        stage->put("team/authz:v1", before);
        stage->put("team/stats:v1", during);
        stage->put("team/authz:v2", after);
        createSecret("regcred", First);
        createExtension("authz", "team/authz:v1", "regcred");
        start();
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->assertServed("/extensions/authz.wasm", before);

        api->stop();
        stage->awaitLog(
            "what was read of wasmextensions.extension.wasmproxy.io of namespace istio-system before stays");
        stage->assertServed("/extensions/authz.wasm", before);
        stage->writeExtensionFile("stats", stage->extension("stats", "team/stats:v1", "regcred"));
        stage->awaitListed("stats", stage->url("team/stats:v1"));
        stage->assertServed("/extensions/stats.wasm", during);

        api->start();
        stage->rotate(Second);
        api->must("PUT", Core + "secrets/regcred", secret("regcred", Second));
        changeUrl("authz", stage->url("team/authz:v2"));
        KubernetesStage::await(
            "v2 of authz",
            [&] { return stage->listed("authz")->optValue<std::string>("url", "") == stage->url("team/authz:v2"); },
            std::chrono::seconds(60)); // the delay doubles while nobody answers
        stage->assertServedSoon("/extensions/authz.wasm", after);
        awaitStatus("authz", "moduleSha256", sha256Hex(after));
    }

    void theDefinitionAndTheRuleComeLate() {
        if (!api) return;
        const auto module = uniqueModule("real late");
        stage->put("team/authz:v1", module);
        createSecret("late", First);
        start();
        stage->awaitLog("apply packaging/kubernetes/wasmextensions.yaml");
        define();
        createExtension("authz", "team/authz:v1", "late");
        KubernetesStage::await(
            "authz", [&] { return stage->listed("authz"); }, std::chrono::seconds(60));
        const std::string rule = R"(apiGroups: [""], resources: [secrets], resourceNames: ["late"], )"
                                 "verbs: [get, list, watch]";
        stage->awaitLog(rule);
        awaitStatus("authz", "lastError", "late");
        // The rule as it was printed.
        const auto role = parsed(api->must("GET", Roles + "/wasm-proxy"));
        role->getArray("rules")->add(parsed(
            R"({"apiGroups":[""],"resources":["secrets"],"resourceNames":["late"],"verbs":["get","list","watch"]})"));
        std::ostringstream json;
        role->stringify(json);
        api->must("PUT", Roles + "/wasm-proxy", json.str());
        stage->assertServedSoon("/extensions/authz.wasm", module);
        awaitStatus("authz", "moduleSha256", sha256Hex(module));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RealKubernetesScenarios);
