// SPDX-License-Identifier: Apache-2.0
// The running proxy before Docker Hub's and Harbor's own ways, with a real registry behind them.
#include "RegistryFront.h"
#include "Rig.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

class HubAndHarborScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(HubAndHarborScenarios);
    CPPUNIT_TEST(hubServesAndItsLimitIsShown);
    CPPUNIT_TEST(hubNeverFallsBackToAnonymous);
    CPPUNIT_TEST(hubAbsentRepositoryHurtsNoOther);
    CPPUNIT_TEST(hubLimitIsWaitedOut);
    CPPUNIT_TEST(hubLimitIsNotPassedDownWhileACopyIsThere);
    CPPUNIT_TEST(harborServesARobot);
    CPPUNIT_TEST(harborPasswordIsCorrectedWhileHeld);
    CPPUNIT_TEST(harborUnknownProjectHurtsNoOther);
    CPPUNIT_TEST(harborPolicyIsHeldThenSaid);
    CPPUNIT_TEST(harborPolicyIsNotPassedByWithACopy);
    CPPUNIT_TEST(harborScanThatEndsInTime);
    CPPUNIT_TEST_SUITE_END();

    static constexpr const char* Pat = "dckr_pat_canary";
    static constexpr const char* RobotSecret = "robot-secret-canary";

    std::unique_ptr<PrivateRegistry> upstream; // made for each test: CppUnit keeps all fixtures from the start
    std::unique_ptr<RegistryFront> front;
    std::unique_ptr<Proxy> proxy;

public:
    void setUp() override { upstream = std::make_unique<PrivateRegistry>(); }
    void tearDown() override {
        proxy.reset();
        front.reset();
        upstream.reset();
    }

private:
    void startHub(const std::string& password = Pat, const std::string& pull = "hold = 6s") {
        front =
            std::make_unique<RegistryFront>(RegistryFront::Kind::DockerHub, upstream->registry.port(), "example", Pat);
        front->rule(limited(76));
        // The route names no backend: docker.io is known.
        Proxy::Options options{"unused.test:1"};
        options.pull = pull;
        options.more = "[backend.dockerhub]\nendpoint = " + front->endpoint() +
                       "\ntoken-realms = localhost:" + std::to_string(front->port()) +
                       "\n[route.hub]\nmatch = docker.io/**\ntag-ttl = 1s\n";
        proxy = std::make_unique<Proxy>(options);
        proxy->setDockerConfig(dockerConfig("https://index.docker.io/v1/", "example", password));
    }
    void startHarbor(const std::string& password = RobotSecret, const std::string& pull = "hold = 6s") {
        front = std::make_unique<RegistryFront>(RegistryFront::Kind::Harbor, upstream->registry.port(), "robot$team+ci",
                                                RobotSecret);
        Proxy::Options options{"unused.test:1"};
        options.pull = pull;
        options.more = "[backend.company]\nplugin = harbor\nendpoint = " + front->endpoint() +
                       "\n[route.company]\nmatch = harbor.example.test/**\nbackend = company\ntag-ttl = 1s\n";
        proxy = std::make_unique<Proxy>(options);
        proxy->setDockerConfig(dockerConfig("harbor.example.test", "robot$team+ci", password));
    }

    /// Passes on, with the headers of Docker Hub's limit added to what is asked of manifests.
    RegistryFront::Rule limited(int remaining, int status = 0) const {
        const int behind = upstream->registry.port();
        return [=](const RegistryFront::Request& request, RegistryFront::Answer& answer) {
            if (request.target.find("/manifests/") == std::string::npos) return false;
            answer.status = status;
            if (status == 0) {
                const auto got = HttpClient(behind).send(request.method, request.target,
                                                         {{"Authorization", "Basic cm9ib3Q6cmlnaHQ="}, // robot:right
                                                          {"Accept", "application/vnd.oci.image.manifest.v1+json"}});
                answer.status = got.status;
                answer.body = got.body;
                for (const char* name : {"Content-Type", "Content-Length", "Docker-Content-Digest"})
                    answer.headers.push_back({name, got.header(name)});
            } else {
                answer.headers.push_back({"Content-Type", "application/json"});
                answer.headers.push_back({"Retry-After", "1"});
                answer.body =
                    R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]})";
            }
            answer.headers.push_back({"ratelimit-limit", "100;w=21600"});
            answer.headers.push_back({"ratelimit-remaining", std::to_string(remaining) + ";w=21600"});
            answer.headers.push_back({"docker-ratelimit-source", "192.0.2.1"});
            return true;
        };
    }
    static RegistryFront::Rule policy() {
        return [](const RegistryFront::Request& request, RegistryFront::Answer& answer) {
            if (request.target.find("/manifests/") == std::string::npos) return false;
            answer = {412,
                      {{"Content-Type", "application/json"}},
                      R"({"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"current image with 3 vulnerabilities )"
                      R"(cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of )"
                      R"(\"High\" or higher from running.'"}]})"};
            return true;
        };
    }
    void push(const std::string& name, const std::string& module) {
        upstream->put(name, istioArtifact(module));
        upstream->registry.forget();
    }
    HttpAnswer get(const std::string& reference) const { return proxy->fetch(reference); }
    std::string all(const HttpAnswer& answer) const { return answer.body + "\n" + proxy->log(); }
    static void assertHas(const std::string& text, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE("expected '" + part + "' in: " + text, text.find(part) != std::string::npos);
    }
    void assertNoSecret() const {
        const auto text = proxy->log() + proxy->health("/metrics").body;
        for (const char* secret : {Pat, RobotSecret})
            CPPUNIT_ASSERT_MESSAGE(text, text.find(secret) == std::string::npos);
    }

    void hubServesAndItsLimitIsShown() {
        const auto module = uniqueModule("hub", 50000);
        push("library/authz:v1", module);
        push("example/authz:v1", module);
        startHub();
        const auto first = get("authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(first), 200, first.status);
        CPPUNIT_ASSERT(first.body == module);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(first), 200, get("docker.io/example/authz:v1").status);
        // Asking for a tag costs no pull: by GET came only the two manifests themselves.
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), front->count("GET", "/manifests/v1"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), front->count("GET", "/manifests/sha256:"));
        const auto log = proxy->log();
        CPPUNIT_ASSERT(log.find("more pulls of") == std::string::npos);
        const std::string instance = R"({component="backend.dockerhub"})";
        CPPUNIT_ASSERT_EQUAL(100.0, proxy->metric("wasm_proxy_registry_limit" + instance));
        CPPUNIT_ASSERT_EQUAL(76.0, proxy->metric("wasm_proxy_registry_limit_remaining" + instance));

        front->rule(limited(9));
        std::this_thread::sleep_for(milliseconds(1100));
        CPPUNIT_ASSERT_EQUAL(200, get("authz:v1").status);
        assertHas(proxy->log(), "9 more pulls of 100 in 21600 s, counted for 192.0.2.1");
        CPPUNIT_ASSERT_EQUAL(9.0, proxy->metric("wasm_proxy_registry_limit_remaining" + instance));
        assertNoSecret();
    }

    void hubNeverFallsBackToAnonymous() {
        const auto module = uniqueModule("hub password");
        push("library/authz:v1", module);
        startHub("wrong", "hold = 2s");
        const auto refused = get("authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(refused), 502, refused.status);
        assertHas(refused.body, "CREDENTIAL_REFUSED");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), front->count("GET", "/token?"));
        for (const auto& request : front->requests())
            if (request.target.find("/token?") != std::string::npos) CPPUNIT_ASSERT(!request.authorization.empty());
        proxy->setDockerConfig(dockerConfig("https://index.docker.io/v1/", "example", Pat));
        const auto served = get("authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(served), 200, served.status);
        CPPUNIT_ASSERT(served.body == module);
        assertNoSecret();
    }

    void hubAbsentRepositoryHurtsNoOther() {
        push("library/authz:v1", uniqueModule("hub absent"));
        startHub(Pat, "hold = 1s");
        const auto absent = get("example/nothing:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(absent), 502, absent.status);
        assertHas(absent.body, "REPOSITORY_DENIED");
        CPPUNIT_ASSERT_EQUAL(200, get("authz:v1").status);
    }

    void hubLimitIsWaitedOut() {
        push("library/authz:v1", uniqueModule("hub 429"));
        startHub();
        front->rule(limited(0, 429));
        std::thread window([&] {
            std::this_thread::sleep_for(milliseconds(1500));
            front->rule(limited(100));
        });
        const auto answer = get("authz:v1");
        window.join();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(answer), 200, answer.status);
        CPPUNIT_ASSERT(answer.seconds > 1.0);
    }

    void hubLimitIsNotPassedDownWhileACopyIsThere() {
        const auto module = uniqueModule("hub stale");
        push("library/authz:v1", module);
        startHub();
        CPPUNIT_ASSERT_EQUAL(200, get("authz:v1").status);
        front->rule(limited(0, 429));
        std::this_thread::sleep_for(milliseconds(1100));
        const auto stale = get("authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(stale), 200, stale.status);
        CPPUNIT_ASSERT(stale.body == module);
        CPPUNIT_ASSERT_EQUAL(std::string("STALE"), stale.header("X-Cache"));
        CPPUNIT_ASSERT(stale.seconds < 3);
    }

    void harborServesARobot() {
        const auto module = uniqueModule("harbor", 50000);
        push("team/authz:v1", module);
        push("hub/library/authz:v1", module);
        startHarbor();
        const auto served = get("harbor.example.test/team/authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(served), 200, served.status);
        CPPUNIT_ASSERT(served.body == module);
        // A proxy-cache project sends on to where the image is.
        front->rule([](const RegistryFront::Request& request, RegistryFront::Answer& answer) {
            const std::string asked = "/v2/hub/authz/";
            if (request.target.compare(0, asked.size(), asked) != 0) return false;
            answer = {301, {{"Location", "/v2/hub/library/authz/" + request.target.substr(asked.size())}}, ""};
            return true;
        });
        const auto proxied = get("harbor.example.test/hub/authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(proxied), 200, proxied.status);
        CPPUNIT_ASSERT(proxied.body == module);
        assertNoSecret();
    }

    void harborPasswordIsCorrectedWhileHeld() {
        push("team/authz:v1", uniqueModule("harbor password"));
        startHarbor("wrong", "hold = 8s");
        std::atomic<int> askedBefore{0};
        std::thread repair([&] {
            std::this_thread::sleep_for(seconds(3));
            askedBefore = static_cast<int>(front->count("GET", "/service/token?"));
            proxy->setDockerConfig(dockerConfig("harbor.example.test", "robot$team+ci", RobotSecret));
        });
        const auto answer = get("harbor.example.test/team/authz:v1");
        repair.join();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(answer), 200, answer.status);
        CPPUNIT_ASSERT(answer.seconds > 2.5);
        CPPUNIT_ASSERT_EQUAL(1, askedBefore.load()); // shown once: accounts get locked
        assertHas(proxy->log(), "credential refused");
    }

    void harborUnknownProjectHurtsNoOther() {
        push("team/authz:v1", uniqueModule("harbor absent"));
        startHarbor(RobotSecret, "hold = 1s");
        const auto absent = get("harbor.example.test/nothing/authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(absent), 502, absent.status);
        assertHas(absent.body, "REPOSITORY_DENIED");
        CPPUNIT_ASSERT_EQUAL(200, get("harbor.example.test/team/authz:v1").status);
    }

    void harborPolicyIsHeldThenSaid() {
        push("team/authz:v1", uniqueModule("harbor policy"));
        startHarbor(RobotSecret, "hold = 2s");
        front->rule(policy());
        const auto blocked = get("harbor.example.test/team/authz:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(blocked), 503, blocked.status);
        CPPUNIT_ASSERT(blocked.seconds > 1.8);
        assertHas(blocked.body, "BLOCKED");
        assertHas(blocked.body, "current image with 3 vulnerabilities cannot be pulled due to configured policy");
    }

    void harborPolicyIsNotPassedByWithACopy() {
        const auto module = uniqueModule("harbor policy and a copy");
        push("team/authz:v1", module);
        startHarbor(RobotSecret, "hold = 4s");
        const std::string reference = "harbor.example.test/team/authz:v1";
        CPPUNIT_ASSERT_EQUAL(200, get(reference).status);
        front->rule(policy());
        std::this_thread::sleep_for(milliseconds(1100)); // the tag's time
        const auto blocked = get(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(blocked), 503, blocked.status);
        CPPUNIT_ASSERT_EQUAL(std::string(), blocked.header("X-Cache"));
        CPPUNIT_ASSERT_MESSAGE(std::to_string(blocked.seconds), blocked.seconds > 3.8);
        assertHas(blocked.body, "current image with 3 vulnerabilities cannot be pulled due to configured policy");
        front->rule({});
        const auto allowed = get(reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(allowed), 200, allowed.status);
        CPPUNIT_ASSERT(allowed.body == module);
    }

    void harborScanThatEndsInTime() {
        push("team/authz:v1", uniqueModule("harbor scan"));
        startHarbor();
        front->rule(policy());
        std::thread scan([&] {
            std::this_thread::sleep_for(milliseconds(1500));
            front->rule({});
        });
        const auto answer = get("harbor.example.test/team/authz:v1");
        scan.join();
        CPPUNIT_ASSERT_EQUAL_MESSAGE(all(answer), 200, answer.status);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HubAndHarborScenarios);
