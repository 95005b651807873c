// SPDX-License-Identifier: Apache-2.0
// What answers while a registry cannot be asked, and what is pulled before anybody asks.
#include "Rig.h"

#include "support/FaultProxy.h"
#include "support/FreePorts.h"
#include "support/ScriptedServer.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <cstdio>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string Host = "registry.example.com";
const std::string Reference = Host + "/team/fresh:v1";

std::string backendAt(const std::string& endpoint) {
    return "plugin = oci\nendpoint = " + endpoint;
}

std::string answering(int status, const std::string& headers = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " Answer\r\n" + headers + "Content-Length: 0\r\n\r\n";
}

} // namespace

class FreshnessScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FreshnessScenarios);
    CPPUNIT_TEST(staleWhateverHappensToTheRegistry);
    CPPUNIT_TEST(aRefusedCredentialIsServedStale);
    CPPUNIT_TEST(readinessWaitsForWhatIsPrefetched);
    CPPUNIT_TEST(readinessWaitsNoLongerThanItMay);
    CPPUNIT_TEST_SUITE_END();

    static std::string local(int port, const std::string& scheme = "http") {
        return scheme + "://127.0.0.1:" + std::to_string(port);
    }

    /// The registry is somewhere else from now on.
    static void moveTo(Proxy& proxy, const std::string& endpoint) {
        auto text = readFile(proxy.configuration());
        const auto at = text.find("endpoint = ");
        text.replace(at, text.find('\n', at) - at, "endpoint = " + endpoint);
        const auto aside = proxy.folder().write("wasm-proxy.ini.new", text);
        CPPUNIT_ASSERT_EQUAL(0, std::rename(aside.c_str(), proxy.configuration().c_str()));
        const auto before = proxy.metric("wasm_proxy_reloads_total{result=\"applied\"}");
        proxy.child().signal(SIGHUP);
        for (int i = 0; i < 500 && proxy.metric("wasm_proxy_reloads_total{result=\"applied\"}") == before; ++i)
            std::this_thread::sleep_for(milliseconds(20));
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), proxy.metric("wasm_proxy_reloads_total{result=\"applied\"}") > before);
    }

    static void isStale(const std::string& name, const Proxy& proxy, const std::string& module,
                        const std::string& reason) {
        const auto figure = "wasm_proxy_stale_answers_total{reason=\"" + reason + "\"}";
        const auto before = proxy.metric(figure);
        const auto answer = proxy.fetch(Reference);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(name + proxy.log(), 200, answer.status);
        CPPUNIT_ASSERT_MESSAGE(name, answer.body == module);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string("STALE"), answer.header("X-Cache"));
        std::vector<std::string> warnings;
        for (const auto& [header, value] : answer.headers)
            if (header == "Warning") warnings.push_back(value);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::size_t(2), warnings.size());
        CPPUNIT_ASSERT_EQUAL(std::string("110 wasm-proxy \"Response is Stale\""), warnings[0]);
        CPPUNIT_ASSERT_EQUAL(std::string("299 - \"the registry could not be asked; this is what the tag meant last\""),
                             warnings[1]);
        CPPUNIT_ASSERT_MESSAGE(name, answer.seconds < 4);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(name + proxy.log(), before + 1, proxy.metric(figure));
    }

    void staleWhateverHappensToTheRegistry() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("fresh", 50000);
        upstream.push("team/fresh:v1", module);
        Proxy::Options options{Host};
        options.backend = backendAt(local(upstream.registry.port()));
        options.route = "tag-ttl = 0s";
        Proxy proxy(options);
        CPPUNIT_ASSERT_EQUAL(std::string("MISS"), proxy.fetch(Reference).header("X-Cache"));

        for (const int status : {500, 502, 503, 504}) {
            ScriptedServer server(ScriptedServer::always(answering(status)));
            moveTo(proxy, local(server.port()));
            isStale(std::to_string(status), proxy, module, "UNAVAILABLE");
        }
        ScriptedServer limiting(ScriptedServer::always(answering(429, "Retry-After: 30\r\n")));
        moveTo(proxy, local(limiting.port()));
        isStale("429", proxy, module, "TOOMANYREQUESTS");
        const auto asked = limiting.accepted();
        isStale("429 again", proxy, module, "TOOMANYREQUESTS"); // the registry is left alone
        CPPUNIT_ASSERT_EQUAL(asked, limiting.accepted());

        ScriptedServer silent([](ScriptedServer::Connection& connection) { connection.sleep(seconds(20)); });
        moveTo(proxy, local(silent.port()));
        isStale("a timeout", proxy, module, "SLOW");
        ScriptedServer closing([](ScriptedServer::Connection& connection) { connection.reset(); });
        moveTo(proxy, local(closing.port()));
        isStale("a reset", proxy, module, "UNAVAILABLE");
        moveTo(proxy, local(freePort()));
        isStale("nobody listens", proxy, module, "UNAVAILABLE");
        moveTo(proxy, "http://no-such-registry.invalid:5000");
        isStale("DNS", proxy, module, "UNAVAILABLE");
        moveTo(proxy, local(upstream.registry.port(), "https"));
        isStale("TLS", proxy, module, "UNAVAILABLE");

        moveTo(proxy, local(upstream.registry.port()));
        CPPUNIT_ASSERT_EQUAL(std::string("HIT"), proxy.fetch(Reference).header("X-Cache"));
        for (const char* secret : {"right", "cm9ib3Q6cmlnaHQ"})
            CPPUNIT_ASSERT(proxy.log().find(secret) == std::string::npos);
    }

    void aRefusedCredentialIsServedStale() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("fresh", 50000);
        upstream.push("team/fresh:v1", module);
        Proxy::Options options{Host};
        options.backend = backendAt(local(upstream.registry.port()));
        options.route = "tag-ttl = 0s";
        Proxy proxy(options);
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(Reference).status);
        proxy.setDockerConfig(dockerConfig(Host, "robot", "rotated away"));
        isStale("401", proxy, module, "CREDENTIAL_REFUSED");
        ScriptedServer denying(ScriptedServer::always(answering(403)));
        proxy.setDockerConfig(dockerConfig(Host, "robot", "rotated again")); // or the 401 would be remembered
        moveTo(proxy, local(denying.port()));
        isStale("403", proxy, module, "REPOSITORY_DENIED");
    }

    static Poco::JSON::Object::Ptr prefetched(const Proxy& proxy) {
        return Poco::JSON::Parser().parse(proxy.admin("/api/v1/prefetch").body).extract<Poco::JSON::Object::Ptr>();
    }

    void readinessWaitsForWhatIsPrefetched() {
        PrivateRegistry upstream;
        std::string references;
        for (int i = 0; i < 3; ++i) {
            const auto name = "team/early" + std::to_string(i) + ":v1";
            upstream.put(name, istioArtifact(uniqueModule(name, 200000)));
            references += (i ? ", " : "") + std::string("oci://") + upstream.registry.host() + "/" + name;
        }
        Proxy::Options options{upstream.registry.host()};
        options.more = "[prefetch]\nreferences = " + references + "\nwait-ready = true\n";
        Proxy proxy(options); // is ready here
        const auto state = prefetched(proxy);
        CPPUNIT_ASSERT_EQUAL(3, state->getValue<int>("total"));
        CPPUNIT_ASSERT_EQUAL(3, state->getValue<int>("pulled"));
        CPPUNIT_ASSERT(!state->getValue<bool>("readinessWaits"));
        CPPUNIT_ASSERT_EQUAL(3.0, proxy.metric("wasm_proxy_prefetch_references{state=\"pulled\"}"));
        CPPUNIT_ASSERT_EQUAL(std::string("HIT"),
                             proxy.fetch(upstream.registry.host() + "/team/early2:v1").header("X-Cache"));
        CPPUNIT_ASSERT(proxy.log().find("prefetched") != std::string::npos);
    }

    void readinessWaitsNoLongerThanItMay() {
        PrivateRegistry upstream;
        upstream.push("team/fresh:v1", uniqueModule("fresh"));
        FaultProxy fault(upstream.registry.port());
        fault.refuse();
        const auto host = "127.0.0.1:" + std::to_string(fault.port());
        Proxy::Options options{host};
        options.pull = "hold = 1s";
        options.more = "[prefetch]\nreferences = " + host + "/team/fresh:v1\nwait-ready = true\nwait-at-most = 4s\n";
        std::unique_ptr<Proxy> proxy;
        const auto begun = std::chrono::steady_clock::now();
        proxy = std::make_unique<Proxy>(options);
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - begun > milliseconds(3500));
        CPPUNIT_ASSERT_MESSAGE(proxy->log(),
                               proxy->log().find("prefetch.wait-at-most has passed") != std::string::npos ||
                                   prefetched(*proxy)->getValue<int>("pulled") == 0);
        fault.pass();
        for (int i = 0; i < 200 && prefetched(*proxy)->getValue<int>("pulled") == 0; ++i)
            std::this_thread::sleep_for(milliseconds(50));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy->log(), 1, prefetched(*proxy)->getValue<int>("pulled"));
        // A restart with the list in its cache is ready at once, whatever the registry does.
        CPPUNIT_ASSERT_EQUAL(0, proxy->terminate());
        fault.refuse();
        proxy->start();
        CPPUNIT_ASSERT_MESSAGE(proxy->log(),
                               proxy->log().find("prefetched pulled=1 references=1") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FreshnessScenarios);
