// SPDX-License-Identifier: Apache-2.0
// The command line, the settings and the process, as an operator meets them.
#include "Rig.h"

#include "support/FreePorts.h"
#include "support/ScriptedServer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace wasmproxy::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Ended {
    int code = -1;
    std::string output;
};

Ended wasmProxy(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {}) {
    TemporaryFolder folder;
    Child::Options options;
    options.outputFile = folder / "output";
    options.environment = environment;
    Child child(BUILD_ROOT "/bin/wasm-proxy", arguments, options);
    const auto code = child.wait(seconds(60));
    CPPUNIT_ASSERT_MESSAGE("it did not end: " + readFile(options.outputFile), code.has_value());
    return {*code, readFile(options.outputFile)};
}

void assertHas(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("expected \"" + part + "\" in:\n" + text, text.find(part) != std::string::npos);
}

} // namespace

class ProcessScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ProcessScenarios);
    CPPUNIT_TEST(everyProblemIsReportedAtOnce);
    CPPUNIT_TEST(whatRefersToNothingIsReported);
    CPPUNIT_TEST(theSmallestUsefulFileWorks);
    CPPUNIT_TEST(theEnvironmentWins);
    CPPUNIT_TEST(xmlSaysTheSame);
    CPPUNIT_TEST(wrongArgumentsAreUsageErrors);
    CPPUNIT_TEST(explainTellsWhatTheRegistrySays);
    CPPUNIT_TEST(whoIsTiredOfWaitingForExplainLeavesNothing);
    CPPUNIT_TEST(aDaemonIsReadyWhenItsParentReturns);
    CPPUNIT_TEST(whatCannotBeOpenedIsNamed);
    CPPUNIT_TEST(aDamagedIndexNeverStopsServing);
    CPPUNIT_TEST_SUITE_END();

    TemporaryFolder _folder;

    std::string minimal(const std::string& host) const {
        _folder.write("docker-config.json", dockerConfig(host, "robot", "right"));
        return "[cache.main]\ndirectory = " + _folder.path() +
               "/blobs\n[credential.team]\ndocker-config = " + _folder.path() +
               "/docker-config.json\n[route.private]\nmatch = " + host + "/**\n";
    }

    void everyProblemIsReportedAtOnce() {
        const auto file =
            _folder.write("bad.ini", "[cache.main]\ndirectory = /tmp/x\ncapactiy = 1GiB\n[pull]\nhold = soon\n"
                                     "[dataplane]\nlisten = 0.0.0.0:8080\n[route.private]\n[nonsense]\n"
                                     "[credential.team]\nno equals sign\n");
        for (const auto& arguments :
             {std::vector<std::string>{"--config=" + file, "--check-config"},
              std::vector<std::string>{"--config=" + file}, std::vector<std::string>{"--config=" + file, "--daemon"}}) {
            const auto ended = wasmProxy(arguments);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(ended.output, 78, ended.code);
            for (const char* part : {"bad.ini:3", "cache.main.capactiy", "capacity", "bad.ini:5", "pull.hold",
                                     "allow-from", "route.private.match", "bad.ini:9", "nonsense", "bad.ini:11"})
                assertHas(ended.output, part);
        }
        CPPUNIT_ASSERT_EQUAL(78, wasmProxy({"--config=" + _folder.path() + "/absent.ini"}).code);
    }

    void whatRefersToNothingIsReported() {
        const auto file = _folder.write("refers.ini", minimal("r.example.com") +
                                                          "backend = nowhere\ncredentials = nobody\n"
                                                          "[route.two]\nmatch = **/x\n[backend.b]\nplugin = ocii\n"
                                                          "[pull]\ncaches = other\n");
        const auto ended = wasmProxy({"--config=" + file, "--check-config"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(ended.output, 78, ended.code);
        for (const char* part : {"route.private.backend", "nowhere", "[credential.nobody]", "route.two.match",
                                 "backend.b.plugin", "ocii", "oci", "[cache.other]"})
            assertHas(ended.output, part);
    }

    void theSmallestUsefulFileWorks() {
        const auto file = _folder.write("minimal.ini", minimal("registry.example.com"));
        const auto ended = wasmProxy({"--config=" + file, "--check-config"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(ended.output, 0, ended.code);
        assertHas(ended.output, "1 routes, 1 backends, 1 credential sources, 1 caches");
    }

    void theEnvironmentWins() {
        PrivateRegistry upstream;
        upstream.push("team/env:v1", uniqueModule("env"));
        const auto host = upstream.registry.host();
        const auto file = _folder.write("environment.ini", minimal(host));
        const auto reference = "--explain=" + host + "/team/env:v1";
        // Without it the registry is asked over https, which it does not speak.
        const auto https = wasmProxy({"--config=" + file, reference});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(https.output, 1, https.code);
        const auto http =
            wasmProxy({"--config=" + file, reference}, {{"WASM_PROXY__ROUTE__PRIVATE__PLAIN_HTTP", "true"}});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(http.output, 0, http.code);
        const auto wrong = wasmProxy({"--config=" + file, "--check-config"}, {{"WASM_PROXY__PULL__HOLD", "never"}});
        CPPUNIT_ASSERT_EQUAL(78, wrong.code);
        assertHas(wrong.output, "WASM_PROXY__PULL__HOLD");
    }

    void xmlSaysTheSame() {
        const auto xml =
            _folder.write("minimal.xml",
                          "<wasm-proxy><cache name=\"main\"><directory>" + _folder.path() +
                              "/blobs</directory></cache><route name=\"private\"><match>registry.example.com/**</match>"
                              "</route></wasm-proxy>");
        const auto good = wasmProxy({"--config=" + xml, "--check-config"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(good.output, 0, good.code);
        const auto bad =
            _folder.write("bad.xml", "<wasm-proxy>\n<pull><hold>soon</hold></pull>\n<routes/></wasm-proxy>");
        const auto ended = wasmProxy({"--config=" + bad, "--check-config"});
        CPPUNIT_ASSERT_EQUAL(78, ended.code);
        assertHas(ended.output, "bad.xml:2");
        assertHas(ended.output, "routes");
    }

    void wrongArgumentsAreUsageErrors() {
        CPPUNIT_ASSERT_EQUAL(64, wasmProxy({}).code);
        CPPUNIT_ASSERT_EQUAL(64, wasmProxy({"--nonsense"}).code);
        CPPUNIT_ASSERT_EQUAL(64, wasmProxy({"--check-config"}).code);
        CPPUNIT_ASSERT_EQUAL(64, wasmProxy({"--config=x", "stray"}).code);
        CPPUNIT_ASSERT_EQUAL(0, wasmProxy({"--help"}).code);
        const auto version = wasmProxy({"--version"});
        CPPUNIT_ASSERT_EQUAL(0, version.code);
        assertHas(version.output, "wasm-proxy ");
        assertHas(version.output, "cxxabi=");
        const auto settings = wasmProxy({"--print-settings"});
        CPPUNIT_ASSERT_EQUAL(0, settings.code);
        for (const char* key : {"hold", "tag-ttl", "docker-config", "plain-http", "directory"})
            assertHas(settings.output, key);
        // What it prints is itself a file that checks (every key there is a comment).
        const auto file = _folder.write("printed.ini", settings.output);
        assertHas(wasmProxy({"--config=" + file, "--check-config"}).output, "there is no cache");
    }

    void explainTellsWhatTheRegistrySays() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("explain");
        const auto digest = upstream.push("team/explain:v1", module);
        const auto host = upstream.registry.host();
        const auto state = _folder / "state";
        std::filesystem::create_directory(state);
        const auto settings = "plain-http = true\n[index]\npath = " + state + "/index.db\n";
        const auto file = _folder.write("explain.ini", minimal(host) + settings);
        const auto explain = [&](const std::string& reference) {
            return wasmProxy({"--config=" + file, "--explain=" + reference});
        };
        const auto good = explain("oci://" + host + "/team/explain:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(good.output, 0, good.code);
        for (const auto& part :
             {std::string("private"), std::string("oci"), std::string("team"), digest, std::string("accepted"),
              "module         sha256:" + sha256Hex(module) + ", " + std::to_string(module.size()) + " bytes\n",
              std::string("istio-oci, layer sha256:"), std::string("ABI 0.2.1\n")})
            assertHas(good.output, part);
        CPPUNIT_ASSERT_MESSAGE("it stores nothing", std::filesystem::is_empty(state));
        CPPUNIT_ASSERT(!std::filesystem::exists(_folder / "blobs"));
        CPPUNIT_ASSERT(good.output.find("right") == std::string::npos);
        assertHas(explain(host + "/team/absent:v1").output, "there is no");
        assertHas(explain("other.example.com/x:v1").output, "none");
        CPPUNIT_ASSERT_EQUAL(64, explain("not a reference").code);
        _folder.write("docker-config.json", dockerConfig(host, "robot", "wrong"));
        const auto refused = explain(host + "/team/explain:v1");
        CPPUNIT_ASSERT_EQUAL(1, refused.code);
        assertHas(refused.output, "CREDENTIAL_REFUSED");
    }

    /// At a registry that has begun the layer and then says nothing more.
    void whoIsTiredOfWaitingForExplainLeavesNothing() {
        const std::string module = uniqueModule("slow", 4000);
        const std::string manifest =
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":)"
            R"("application/vnd.wasm.config.v0+json","digest":"sha256:)" +
            sha256Hex("{}") + R"(","size":2},"layers":[{"mediaType":"application/wasm","digest":"sha256:)" +
            sha256Hex(module) + R"(","size":)" + std::to_string(module.size()) + "}]}";
        std::atomic<bool> begun{false};
        ScriptedServer server([&](ScriptedServer::Connection& connection) {
            const auto request = connection.readRequest();
            const bool layer = request.find("/blobs/") != std::string::npos;
            const auto& body = layer ? module : manifest;
            connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: "
                            "application/vnd.oci.image.manifest.v1+json\r\nDocker-Content-Digest: sha256:" +
                            sha256Hex(manifest) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
            if (request.rfind("HEAD", 0) == 0) return;
            connection.send(layer ? body.substr(0, 100) : body);
            if (!layer) return;
            begun = true;
            connection.sleep(seconds(30));
        });
        const auto host = "127.0.0.1:" + std::to_string(server.port());
        const auto state = _folder / "state";
        std::filesystem::create_directory(state);
        const auto file =
            _folder.write("slow.ini", minimal(host) + "plain-http = true\n[index]\npath = " + state + "/index.db\n");
        Child::Options options;
        options.outputFile = _folder / "output";
        Child child(BUILD_ROOT "/bin/wasm-proxy", {"--config=" + file, "--explain=" + host + "/team/x:v1"}, options);
        for (int i = 0; i < 400 && !begun; ++i)
            std::this_thread::sleep_for(milliseconds(50));
        CPPUNIT_ASSERT_MESSAGE(readFile(options.outputFile), begun);
        child.signal(SIGINT);
        const auto code = child.wait(seconds(5));
        CPPUNIT_ASSERT_MESSAGE("it did not end: " + readFile(options.outputFile), code.has_value());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(readFile(options.outputFile), 1, *code);
        CPPUNIT_ASSERT(std::filesystem::is_empty(state));
    }

    void aDaemonIsReadyWhenItsParentReturns() {
        const auto port = [](int number) { return "127.0.0.1:" + std::to_string(number) + "\n"; };
        const int data = freePort(), health = freePort();
        const auto file = _folder.write("daemon.ini", minimal("r.example.com") + "[dataplane]\nlisten = " + port(data) +
                                                          "[health]\nlisten = " + port(health) +
                                                          "[admin]\nlisten = " + port(freePort()) +
                                                          "[index]\npath = " + _folder.path() + "/index.db\n");
        const auto pidFile = _folder.path() + "/wasm-proxy.pid";
        const auto started = wasmProxy({"--config=" + file, "--daemon", "--pidfile=" + pidFile});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(started.output, 0, started.code);
        CPPUNIT_ASSERT_EQUAL(200, HttpClient(health).get("/readyz").status);
        const auto pid = std::stoi(readFile(pidFile));
        // A second one fails, and its parent says so, because the pid file and the ports are taken.
        const auto second = wasmProxy({"--config=" + file, "--daemon", "--pidfile=" + pidFile});
        CPPUNIT_ASSERT_EQUAL(78, second.code);
        assertHas(second.output, "pidfile");
        CPPUNIT_ASSERT_EQUAL(200, HttpClient(health).get("/readyz").status);
        // It is no child of ours, so the pid comes from its own locked file, read while it answers.
        CPPUNIT_ASSERT_EQUAL(0, ::kill(pid, SIGTERM));
        for (int i = 0; i < 200 && portAnswers(health); ++i)
            std::this_thread::sleep_for(milliseconds(50));
        CPPUNIT_ASSERT(!portAnswers(health));
        for (int i = 0; i < 200 && std::ifstream(pidFile).good(); ++i)
            std::this_thread::sleep_for(milliseconds(50));
        CPPUNIT_ASSERT(!std::ifstream(pidFile).good());
    }

    void whatCannotBeOpenedIsNamed() {
        const int data = freePort();
        const auto run = [&](const std::string& more) {
            const auto file = _folder.write("open.ini", minimal("r.example.com") + more);
            return wasmProxy({"--config=" + file});
        };
        const auto index = run("[index]\npath = /proc/nonexistent/index.db\n");
        CPPUNIT_ASSERT(index.code != 0);
        assertHas(index.output, "/proc/nonexistent");
        PrivateRegistry taken;
        const auto listen =
            run("[index]\npath = " + _folder.path() + "/index.db\n[dataplane]\nlisten = " + taken.registry.host() +
                "\n[health]\nlisten = 127.0.0.1:" + std::to_string(data) +
                "\n[admin]\nlisten = 127.0.0.1:" + std::to_string(freePort()) + "\n");
        CPPUNIT_ASSERT(listen.code != 0);
        assertHas(listen.output, taken.registry.host());
    }

    void aDamagedIndexNeverStopsServing() {
        PrivateRegistry upstream;
        const auto module = uniqueModule("damaged");
        upstream.push("team/damaged:v1", module);
        Proxy proxy({upstream.registry.host()});
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(upstream.registry.host() + "/team/damaged:v1").status);
        proxy.terminate();
        std::ofstream(proxy.folder() / "index.db", std::ios::binary | std::ios::trunc) << std::string(100000, '\7');
        proxy.start();
        const auto answer = proxy.fetch(upstream.registry.host() + "/team/damaged:v1");
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
        assertHas(proxy.log(), "set aside");
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProcessScenarios);
