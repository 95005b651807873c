// SPDX-License-Identifier: Apache-2.0
// The three steps: switched on, Secrets in the control plane's namespace, WasmExtensions that name one of them. The API
// server is scripted; RealKubernetesScenarios has a real one.
#include "KubernetesStage.h"

#include "support/IstioAgent.h"
#include "support/KubeApi.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Parser.h>

#include <filesystem>

using namespace wasmproxy::test;

namespace {

const std::string First = "right"; // the registry's password at the start
const std::string Second = "rotated-password";
const std::string Token = "token-of-the-service-account";
const std::string Resource = "wasmextensions";

} // namespace

class KubernetesScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KubernetesScenarios);
    CPPUNIT_TEST(threeSteps);
    CPPUNIT_TEST(aRotatedSecretIsUsedByTheNextPull);
    CPPUNIT_TEST(anExtensionChangesAndGoes);
    CPPUNIT_TEST(aMissingSecretIsNamed);
    CPPUNIT_TEST(aForbiddenSecretsRuleIsPrinted);
    CPPUNIT_TEST(eachOfTwoNamespacesHasItsSecrets);
    CPPUNIT_TEST(aRouteTakesNoSecretAway);
    CPPUNIT_TEST(theApiServerGoesAway);
    CPPUNIT_TEST(aSecretServesItsExtensionAlone);
    CPPUNIT_TEST(switchedOff);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<KubernetesStage> stage;
    std::unique_ptr<Certificate> certificate;
    std::unique_ptr<KubeApi> api;

public:
    void setUp() override {
        auto made = std::make_unique<KubernetesStage>();
        certificate = std::make_unique<Certificate>(std::vector<std::string>{"127.0.0.1"});
        api = std::make_unique<KubeApi>(certificate.get());
        api->requireToken(Token);
        // packaging/kubernetes' Role.
        for (const char* verb : {"get", "list", "watch"}) {
            api->allow(verb, "secrets", "regcred");
            api->allow(verb, Resource);
        }
        api->allow("update", Resource + "/status");
        stage = std::move(made);
    }
    void tearDown() override {
        const auto ended = std::move(stage);
        if (ended && ended->proxy && ended->proxy->running()) ended->stopProxy();
        api.reset();
        certificate.reset();
    }

private:
    void start(const std::string& more = {}) { stage->startProxy({api->url(), certificate->pem(), Token}, more); }
    void putSecret(const std::string& name, const std::string& password) {
        api->putRegistrySecret(KubernetesStage::Namespace, name, stage->host(), "robot", password);
    }
    void putExtension(const std::string& name, const std::string& repositoryAndTag, const std::string& secret) {
        api->put(Resource, KubernetesStage::Namespace, name, stage->extension(name, repositoryAndTag, secret));
    }
    Poco::JSON::Object::Ptr status(const std::string& name) const {
        const auto json = api->json(Resource, KubernetesStage::Namespace, name);
        return json.empty() ? nullptr
                            : Poco::JSON::Parser().parse(json).extract<Poco::JSON::Object::Ptr>()->getObject("status");
    }
    std::string statusField(const std::string& name, const std::string& field) const {
        const auto found = status(name);
        return found ? found->optValue<std::string>(field, "") : "";
    }

    void threeSteps() {
        const auto module = uniqueModule("authz", 20000);
        const auto other = uniqueModule("stats", 20000);
        const auto digest = stage->put("team/authz:v1", module);
        stage->put("team/stats:v1", other);
        putSecret("regcred", First);
        putExtension("authz", "team/authz:v1", "regcred");
        stage->writeExtensionFile("stats", stage->extension("stats", "team/stats:v1", "regcred"));
        start("[mesh]\nenable-wasm-download-proxy = true\n");

        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->awaitListed("stats", stage->url("team/stats:v1"));
        stage->assertServed("/extensions/authz.wasm", module);
        stage->assertServed(stage->fetchTarget("team/authz:v1"), module);
        stage->assertServed(stage->fetchTarget("team/authz:v1") + "?secret=regcred", module);
        stage->assertServed("/extensions/stats.wasm", other);
        stage->assertServed(stage->fetchTarget("team/stats:v1"), other);
        const auto agent = IstioAgent().fetch(stage->proxy->url("/extensions/authz.wasm"), sha256Hex(module));
        CPPUNIT_ASSERT_MESSAGE(agent.summary(), agent.loaded() && agent.module == module);

        KubernetesStage::await("a status", [&] { return !statusField("authz", "resolvedDigest").empty(); });
        CPPUNIT_ASSERT_EQUAL(digest, statusField("authz", "resolvedDigest"));
        CPPUNIT_ASSERT_EQUAL(sha256Hex(module), statusField("authz", "moduleSha256"));
        CPPUNIT_ASSERT_EQUAL(std::string(), statusField("authz", "lastError"));
        const auto published = statusField("authz", "url");
        const std::string publicUrl = KubernetesStage::PublicUrl;
        CPPUNIT_ASSERT_EQUAL(publicUrl + "/extensions/authz.wasm?digest=" + digest, published);
        stage->assertServed(published.substr(publicUrl.size()), module);

        const auto entry = stage->listed("authz");
        CPPUNIT_ASSERT_EQUAL(std::string("in force"), entry->optValue<std::string>("state", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("kubernetes"), entry->optValue<std::string>("source", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("istio-system/authz"), entry->optValue<std::string>("origin", ""));
        stage->assertNoSecrets({Token});
        for (const auto& path : api->paths()) // of Secrets, nothing but that one, by its name
            if (path.find("/secrets") != std::string::npos)
                CPPUNIT_ASSERT_MESSAGE(path, path.find("fieldSelector=metadata.name%3Dregcred") != std::string::npos);
    }

    void aRotatedSecretIsUsedByTheNextPull() {
        const auto module = uniqueModule("first");
        const auto next = uniqueModule("second");
        const auto last = uniqueModule("third");
        const auto first = stage->put("team/authz:v1", module);
        const auto second = stage->put("team/authz:v2", next);
        stage->put("team/stats:v3", last);
        putSecret("regcred", First);
        putExtension("authz", "team/authz:v1", "regcred");
        start();
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->assertServed("/extensions/authz.wasm", module);

        stage->rotate(Second);
        putSecret("regcred", Second);
        putExtension("authz", "team/authz:v2", "regcred");
        stage->awaitListed("authz", stage->url("team/authz:v2"));
        stage->assertServed("/extensions/authz.wasm", next);
        stage->writeExtensionFile("stats", stage->extension("stats", "team/stats:v3", "regcred"));
        stage->awaitListed("stats", stage->url("team/stats:v3"));
        stage->assertServed(stage->fetchTarget("team/stats:v3"), last);
        // The status is of what the Extension is, whatever else somebody asks for by digest.
        KubernetesStage::await("v2's status", [&] { return statusField("authz", "resolvedDigest") == second; });
        stage->proxy->kill9(); // with an empty cache
        std::filesystem::remove_all(stage->proxy->blobs());
        std::filesystem::remove(stage->proxy->folder() / "index.db");
        stage->proxy->start();
        stage->awaitListed("authz", stage->url("team/authz:v2"));
        stage->assertServed("/extensions/authz.wasm", next);
        stage->assertServed("/extensions/authz.wasm?digest=" + first, module);
        CPPUNIT_ASSERT_EQUAL(second,
                             stage->listed("authz")->getObject("lastPull")->getValue<std::string>("manifestDigest"));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(stage->proxy->log(), std::string(), statusField("authz", "lastError"));
        stage->assertNoSecrets({Second, Token});
    }

    void anExtensionChangesAndGoes() {
        const auto module = uniqueModule("changes");
        stage->put("team/authz:v1", module);
        putSecret("regcred", First);
        start();
        stage->assertRefused("/extensions/authz.wasm", 404, {});
        putExtension("authz", "team/authz:v1", "regcred");
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->assertServed("/extensions/authz.wasm", module);
        // A document that has become wrong is no longer served, and says why.
        api->put(Resource, KubernetesStage::Namespace, "authz",
                 stage->extension("authz", "team/authz:v1", "regcred", R"(,"sha265":"0")"));
        KubernetesStage::await("lastError", [&] { return !statusField("authz", "lastError").empty(); });
        KubernetesStage::assertHas(statusField("authz", "lastError"), "spec.sha265");
        CPPUNIT_ASSERT_EQUAL(std::string("refused"), stage->listed("authz")->optValue<std::string>("state", ""));
        stage->assertRefused("/extensions/authz.wasm", 404, {});
        putExtension("authz", "team/authz:v1", "regcred");
        // Out of the cache, without a pull.
        KubernetesStage::await("a status", [&] { return !statusField("authz", "resolvedDigest").empty(); });
        CPPUNIT_ASSERT_EQUAL(std::string(), statusField("authz", "lastError"));
        stage->assertServed("/extensions/authz.wasm", module);
        api->remove(Resource, KubernetesStage::Namespace, "authz");
        KubernetesStage::await("the end of authz", [&] { return !stage->listed("authz"); });
        stage->assertRefused("/extensions/authz.wasm", 404, {});
    }

    void aMissingSecretIsNamed() {
        const auto module = uniqueModule("missing");
        stage->put("team/authz:v1", module);
        putExtension("authz", "team/authz:v1", "regcred");
        start();
        const std::string said = "Secret istio-system/regcred does not exist";
        KubernetesStage::await("lastError", [&] { return !statusField("authz", "lastError").empty(); });
        KubernetesStage::assertHas(statusField("authz", "lastError"), said);
        stage->awaitLog(said);
        KubernetesStage::assertHas(stage->proxy->log(),
                                   "kubectl -n istio-system create secret docker-registry regcred");
        const auto pull = stage->listed("authz")->getObject("lastPull");
        CPPUNIT_ASSERT(pull);
        KubernetesStage::assertHas(pull->optValue<std::string>("error", ""), said);
        stage->assertRefused("/extensions/authz.wasm", 502, {"CREDENTIAL_SOURCE_FAULT"});
        putSecret("regcred", First);
        stage->assertServedSoon("/extensions/authz.wasm", module);
        KubernetesStage::await("a status without error", [&] {
            return !statusField("authz", "resolvedDigest").empty() && statusField("authz", "lastError").empty();
        });
    }

    void aForbiddenSecretsRuleIsPrinted() {
        const auto module = uniqueModule("forbidden");
        stage->put("team/authz:v1", module);
        putSecret("other", First);
        putExtension("authz", "team/authz:v1", "other");
        start();
        stage->awaitLog(
            "{apiGroups: [\"\"], resources: [secrets], resourceNames: [\"other\"], verbs: [get, list, watch]}");
        const auto log = stage->proxy->log();
        KubernetesStage::assertHas(log, "does not list secrets \"other\" of namespace istio-system");
        KubernetesStage::await("lastError", [&] { return !statusField("authz", "lastError").empty(); });
        KubernetesStage::assertHas(statusField("authz", "lastError"), "other");
        for (const char* verb : {"get", "list", "watch"})
            api->allow(verb, "secrets", "other");
        stage->assertServedSoon("/extensions/authz.wasm", module);
    }

    /// A Role names only the Secrets of its namespace: the other's is forbidden in one, absent in the other.
    void eachOfTwoNamespacesHasItsSecrets() {
        const auto module = uniqueModule("of istio-system");
        const auto other = uniqueModule("of partners");
        stage->put("team/authz:v1", module);
        stage->put("team/stats:v1", other);
        stage->put("team/none:v1", uniqueModule("of nobody"));
        putSecret("regcred", First);
        KubeApi partners;
        partners.putRegistrySecret("partners", "partner", stage->host(), "robot", First);
        const auto kubeconfig = stage->folder.write(
            "partners", "current-context: p\ncontexts: [{name: p, context: {cluster: p, namespace: partners}}]\n"
                        "clusters: [{name: p, cluster: {server: '" +
                            partners.url() + "'}}]\n");
        putExtension("authz", "team/authz:v1", "regcred");
        putExtension("stats", "team/stats:v1", "partner");
        start("[credential.elsewhere]\nplugin = kubernetes\nkubeconfig = " + kubeconfig + "\n");
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->awaitListed("stats", stage->url("team/stats:v1"));
        stage->assertServed("/extensions/authz.wasm", module);
        stage->assertServed("/extensions/stats.wasm", other);
        // What neither has is said of both.
        putExtension("nowhere", "team/none:v1", "absent");
        stage->awaitListed("nowhere", stage->url("team/none:v1"));
        stage->assertRefused("/extensions/nowhere.wasm", 502, {"CREDENTIAL_SOURCE_FAULT"});
        stage->awaitLog("credential.elsewhere: Secret partners/absent does not exist");
        KubernetesStage::assertHas(stage->proxy->log(),
                                   "credential.cluster: Secret istio-system/absent cannot be read");
        KubernetesStage::assertHas(stage->proxy->log(), "resourceNames: [\"absent\"]");
        KubernetesStage::assertHas(stage->proxy->log(), "kubectl -n partners create secret docker-registry absent");
    }

    void aRouteTakesNoSecretAway() {
        const auto module = uniqueModule("with a route");
        stage->put("team/authz:v1", module);
        putSecret("regcred", First);
        putExtension("authz", "team/authz:v1", "regcred");
        start("[route.team]\nmatch = " + stage->host() + "/team/**\nbackend = private\ncredentials = team\n");
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->assertServed("/extensions/authz.wasm", module);
        // For whom no Extension speaks, the route's credentials are all there is: here none.
        stage->put("team/other:v1", uniqueModule("without an Extension"));
        stage->assertRefused(stage->fetchTarget("team/other:v1"), 502, {"CREDENTIAL_REFUSED"});
    }

    void theApiServerGoesAway() {
        const auto module = uniqueModule("before");
        const auto during = uniqueModule("during");
        const auto after = uniqueModule("after");
        stage->put("team/authz:v1", module);
        stage->put("team/stats:v1", during);
        stage->put("team/authz:v2", after);
        putSecret("regcred", First);
        putExtension("authz", "team/authz:v1", "regcred");
        start();
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        stage->assertServed("/extensions/authz.wasm", module);
        api->goAway();
        stage->awaitLog(
            "what was read of wasmextensions.extension.wasmproxy.io of namespace istio-system before stays");
        stage->assertServed("/extensions/authz.wasm", module);
        stage->writeExtensionFile("stats", stage->extension("stats", "team/stats:v1", "regcred"));
        stage->awaitListed("stats", stage->url("team/stats:v1"));
        stage->assertServed("/extensions/stats.wasm", during);
        putExtension("authz", "team/authz:v2", "regcred");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), stage->logged("what was read of wasmextensions"));
        api->comeBack();
        stage->awaitListed("authz", stage->url("team/authz:v2"));
        stage->assertServed("/extensions/authz.wasm", after);
        KubernetesStage::await("a status", [&] { return !statusField("authz", "resolvedDigest").empty(); });
    }

    void aSecretServesItsExtensionAlone() {
        const auto mine = uniqueModule("mine");
        const auto yours = uniqueModule("yours");
        const auto nobodys = uniqueModule("nobodys");
        stage->put("team/mine:v1", mine);
        stage->put("team/yours:v1", yours);
        stage->put("team/nobodys:v1", nobodys);
        for (const char* verb : {"get", "list", "watch"})
            api->allow(verb, "secrets", "wrong");
        putSecret("regcred", First);
        putSecret("wrong", "wrong-password");
        putExtension("mine", "team/mine:v1", "regcred");
        putExtension("yours", "team/yours:v1", "wrong");
        start();
        stage->awaitListed("mine", stage->url("team/mine:v1"));
        stage->awaitListed("yours", stage->url("team/yours:v1"));
        stage->assertServed("/extensions/mine.wasm", mine);
        // Neither by name, nor by the query, nor by being there.
        const auto refused = [&](const std::string& target) {
            const auto answer = stage->get(target);
            CPPUNIT_ASSERT_MESSAGE(target + " was answered " + std::to_string(answer.status), answer.status >= 400);
            CPPUNIT_ASSERT(answer.body.find(yours) == std::string::npos);
            CPPUNIT_ASSERT(answer.body.find(nobodys) == std::string::npos);
        };
        refused("/extensions/yours.wasm");
        refused(stage->fetchTarget("team/yours:v1"));
        refused(stage->fetchTarget("team/yours:v1") + "?secret=regcred");
        refused("/extensions/yours.wasm?secret=regcred");
        refused(stage->fetchTarget("team/nobodys:v1"));
        refused(stage->fetchTarget("team/nobodys:v1") + "?secret=regcred");
        refused(stage->fetchTarget("team/mine:v1") + "?secret=wrong");
        // The right one for it, and all is well.
        putExtension("yours", "team/yours:v1", "regcred");
        stage->assertServedSoon("/extensions/yours.wasm", yours);
    }

    void switchedOff() {
        stage->put("team/authz:v1", uniqueModule("off"));
        putSecret("regcred", First);
        putExtension("authz", "team/authz:v1", "regcred");
        start("[mesh]\nenable-wasm-download-proxy = false\n");
        stage->awaitListed("authz", stage->url("team/authz:v1"));
        CPPUNIT_ASSERT_EQUAL(std::string("switched off"), stage->listed("authz")->optValue<std::string>("state", ""));
        const auto answer = stage->get("/extensions/authz.wasm");
        CPPUNIT_ASSERT_MESSAGE(answer.body, answer.status >= 400);
        KubernetesStage::assertHas(answer.body, "Extensions are switched off");
        KubernetesStage::assertHas(stage->proxy->admin("/api/v1/extensions").body,
                                   "enable-wasm-download-proxy is false");
        CPPUNIT_ASSERT(!status("authz"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KubernetesScenarios);
