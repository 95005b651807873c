// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminServer.h"
#include "admin/ExtensionsEndpoint.h"
#include "admin/HealthServer.h"
#include "admin/ModulesEndpoint.h"
#include "admin/PluginsEndpoint.h"
#include "admin/ResolveEndpoint.h"
#include "admin/StopSignal.h"
#include "extensions/ExtensionReader.h"
#include "index/DigestIndex.h"
#include "loading/PluginCatalog.h"
#include "observe/Metrics.h"
#include "pull/CacheTiers.h"
#include "pull/ModuleService.h"
#include "routing/RouteTable.h"
#include "support/RawClient.h"
#include "wasmproxy/oci/StrictJson.h"

#include <Poco/TemporaryFile.h>
#include <cppunit/extensions/HelperMacros.h>
#include <future>
#include <thread>

namespace wasmproxy::host::test {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

StrictJson json(const std::string& text) {
    return StrictJson::parse(text, "answer", ErrorCode::Internal);
}

std::string errorCode(const RawAnswer& answer) {
    return json(answer.body).at("errors").items().at(0).at("code").asString();
}

class TextBlob : public Blob {
public:
    explicit TextBlob(std::string text) : _text(std::move(text)) {}
    std::uint64_t size() const noexcept override { return _text.size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return offset >= _text.size() ? 0 : _text.copy(buffer, size, offset);
    }

private:
    std::string _text;
};

class OneModule : public ModuleService {
public:
    void byReference(const Reference& reference, const std::string&, const Caller& caller,
                     ModuleCallback callback) override {
        asked.push_back(reference.str());
        lastCaller = caller;
        if (reference.tag() == "held") {
            held.push_back(std::move(callback));
            return;
        }
        if (reference.tag() == "later") {
            later.push_back(
                std::async(std::launch::async, [this, callback = std::move(callback)] { callback(answer); }));
            return;
        }
        callback(answer);
    }
    void byUrl(const std::string&, const std::string&, const Caller&, ModuleCallback callback) override {
        callback(answer);
    }
    void byExtension(const std::string&, const std::optional<Digest>&, const Caller&,
                     ModuleCallback callback) override {
        callback(answer);
    }
    void bySha256(const Digest&, const Caller&, ModuleCallback callback) override { callback(answer); }

    ModuleResult answer = Error(ErrorCode::RouteUnknown, "no route serves host.example/a", "add a route");
    std::vector<std::future<void>> later;
    std::vector<std::string> asked;
    std::vector<ModuleCallback> held;
    Caller lastCaller;
};

/// An AdminServer over an index in a temporary directory.
struct Fixture {
    Fixture() : index({directory() + "/index.db"}), server("127.0.0.1:0") {
        ModulesEndpoint(index, cache, [](const Repository&) { return nullptr; }).addTo(server);
        server.add("/api/v1/resolve", ResolveEndpoint(modules, index, "http://127.0.0.1:8080", milliseconds(700)));
        server.add("/api/v1/broken", [](const AdminRequest&) -> AdminAnswer { throw 42; });
        server.add("/api/v1/thrown", [](const AdminRequest&) -> AdminAnswer { throw std::runtime_error("secret"); });
        server.start();
    }

    std::string directory() {
        Poco::File(_directory.path()).createDirectories();
        return _directory.path();
    }

    std::string host() const { return "Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"; }

    RawAnswer get(const std::string& path, const std::string& headers = {}, const char* method = "GET") {
        RawClient client(server.port());
        client.send(std::string(method) + " " + path + " HTTP/1.1\r\n" + host() + headers + "\r\n");
        const RawAnswer answer = client.answer(std::string(method) == "HEAD");
        CPPUNIT_ASSERT_EQUAL(std::string("close"), answer.header("Connection"));
        CPPUNIT_ASSERT_EQUAL(std::string("no-store"), answer.header("Cache-Control"));
        CPPUNIT_ASSERT_EQUAL(std::string("nosniff"), answer.header("X-Content-Type-Options"));
        CPPUNIT_ASSERT(client.closedWithin(milliseconds(1500)));
        return answer;
    }

    Poco::TemporaryFile _directory;
    DigestIndex index;
    CacheTiers cache{{}};
    OneModule modules;
    AdminServer server;
};

ModuleRecord record(int number, int age) {
    ModuleRecord record;
    record.manifest = Digest::of("index " + std::to_string(number));
    record.selectedManifest = Digest::of("manifest " + std::to_string(number));
    record.module = Digest::of("module " + std::to_string(number));
    record.layer = Digest::of("layer " + std::to_string(number));
    record.size = static_cast<std::uint64_t>(1000 + number);
    record.layout = "compat-oci";
    record.entry = "plugin.wasm";
    record.proxyAbi = "0.2.1";
    record.pulledAt = std::chrono::system_clock::from_time_t(1700000000 - age);
    return record;
}

} // namespace

class AdminTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AdminTest);
    CPPUNIT_TEST(resolveTellsBothDigestsAndAUrl);
    CPPUNIT_TEST(resolveTellsErrorsAndWaitsWithABound);
    CPPUNIT_TEST(modulesAreListedInOrder);
    CPPUNIT_TEST(pluginsAreListed);
    CPPUNIT_TEST(extensionsAreListed);
    CPPUNIT_TEST(foreignPagesAreRefused);
    CPPUNIT_TEST(oddRequestsGetOneAnswer);
    CPPUNIT_TEST(exceptionsBecomeAnswers);
    CPPUNIT_TEST(onlyLoopback);
    CPPUNIT_TEST(stopEndsSoonWhateverIsOpen);
    CPPUNIT_TEST(manyStartsAndStops);
    CPPUNIT_TEST(slowClientsAreCut);
    CPPUNIT_TEST(health);
    CPPUNIT_TEST_SUITE_END();

    void resolveTellsBothDigestsAndAUrl() {
        Fixture fixture;
        const ModuleRecord known = record(1, 0);
        fixture.index.recordModule(known, Repository("host.example", "team/filter"));
        fixture.modules.answer =
            ServedModule{std::make_shared<TextBlob>(std::string(1001, 'x')), known.module, known.manifest};
        for (const std::string query : {"oci://host.example/team/filter:later", "host.example/team/filter:later",
                                        "OCI%3A%2F%2Fhost.example/team/filter%3Alater"}) {
            const RawAnswer answer = fixture.get("/api/v1/resolve?ref=" + query);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 200, answer.status());
            const StrictJson body = json(answer.body);
            CPPUNIT_ASSERT_EQUAL(std::string("host.example/team/filter:later"), body.at("reference").asString());
            CPPUNIT_ASSERT_EQUAL(known.manifest.str(), body.at("manifestDigest").asString());
            CPPUNIT_ASSERT_EQUAL(known.selectedManifest.str(), body.at("selectedManifestDigest").asString());
            CPPUNIT_ASSERT_EQUAL(std::string(known.module.hex()), body.at("moduleSha256").asString());
            CPPUNIT_ASSERT_EQUAL(std::uint64_t(1001), body.at("size").asUnsigned());
            CPPUNIT_ASSERT_EQUAL(std::string("compat-oci"), body.at("layout").asString());
            CPPUNIT_ASSERT_EQUAL(std::string("0.2.1"), body.at("proxyAbi").asString());
            const std::string url = body.at("url").asString();
            const std::string start =
                "http://127.0.0.1:8080/fetch/b2NpOi8vaG9zdC5leGFtcGxlL3RlYW0vZmlsdGVyOmxhdGVyQHNoYTI1Njp";
            CPPUNIT_ASSERT_EQUAL(start, url.substr(0, start.size()));
            CPPUNIT_ASSERT_EQUAL(std::string::npos, url.find_first_of("+=", start.size()));
        }
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), fixture.modules.lastCaller.address);
        CPPUNIT_ASSERT(!fixture.modules.lastCaller.requestId.empty());
    }

    void resolveTellsErrorsAndWaitsWithABound() {
        Fixture fixture;
        RawAnswer answer = fixture.get("/api/v1/resolve?ref=host.example/a:b");
        CPPUNIT_ASSERT_EQUAL(404, answer.status());
        CPPUNIT_ASSERT_EQUAL(std::string("NAME_UNKNOWN"), errorCode(answer));
        CPPUNIT_ASSERT(answer.body.find("add a route") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(400, fixture.get("/api/v1/resolve").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.get("/api/v1/resolve?ref=").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.get("/api/v1/resolve?ref=http://x/y").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.get("/api/v1/resolve?ref=a%0d%0ab").status());
        const auto start = Clock::now();
        answer = fixture.get("/api/v1/resolve?ref=host.example/a:held");
        CPPUNIT_ASSERT_EQUAL(503, answer.status());
        CPPUNIT_ASSERT(Clock::now() - start >= milliseconds(700) && Clock::now() - start < milliseconds(2500));
        fixture.modules.held.at(0)(Error(ErrorCode::Internal, "late")); // nobody waits any more
    }

    void modulesAreListedInOrder() {
        Fixture fixture;
        CPPUNIT_ASSERT_EQUAL(std::string("{\"total\":0,\"items\":[]}\n"), fixture.get("/api/v1/modules").body);
        for (int i = 0; i < 105; ++i)
            fixture.index.recordModule(record(i, i / 2), Repository("host.example", "team/filter"));
        fixture.index.recordTag(Reference::parse("host.example/team/filter:v0"), record(0, 0).manifest);
        const StrictJson all = json(fixture.get("/api/v1/modules").body);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(105), all.at("total").asUnsigned());
        CPPUNIT_ASSERT_EQUAL(std::size_t(100), all.at("items").items().size());
        std::string before = "9999";
        std::string digestBefore;
        bool tagged = false;
        for (const StrictJson& module : all.at("items").items()) {
            const std::string at = module.at("pulledAt").asString();
            const std::string digest = module.at("manifestDigest").asString();
            CPPUNIT_ASSERT(at < before || (at == before && digest > digestBefore));
            before = at;
            digestBefore = digest;
            CPPUNIT_ASSERT_EQUAL(std::string("host.example/team/filter"),
                                 module.at("repositories").items().at(0).asString());
            if (digest != record(0, 0).manifest.str()) continue;
            tagged = true;
            CPPUNIT_ASSERT_EQUAL(std::string("host.example/team/filter:v0"),
                                 module.at("tags").items().at(0).asString());
            CPPUNIT_ASSERT_EQUAL(std::string(record(0, 0).module.hex()), module.at("moduleSha256").asString());
        }
        CPPUNIT_ASSERT(tagged);
        CPPUNIT_ASSERT_EQUAL(std::size_t(7),
                             json(fixture.get("/api/v1/modules?limit=7").body).at("items").items().size());
        CPPUNIT_ASSERT_EQUAL(std::size_t(105),
                             json(fixture.get("/api/v1/modules?limit=1000").body).at("items").items().size());
        for (const char* wrong : {"0", "1001", "-1", "x", "1x", "99999999999999999999", "+5"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(wrong, 400,
                                         fixture.get(std::string("/api/v1/modules?limit=") + wrong).status());
    }

    void pluginsAreListed() {
        PluginCatalog catalog({});
        AdminRequest request;
        CPPUNIT_ASSERT_EQUAL(std::string("{\"plugins\":[]}\n"), PluginsEndpoint(catalog)(request).body);
    }

    static std::string extensions(const ExtensionCatalog& catalog) {
        AdminServer server("127.0.0.1:0");
        ExtensionsEndpoint(catalog).addTo(server);
        return server.operations().at(0).handler({}).body;
    }

    void extensionsAreListed() {
        ExtensionCatalog catalog;
        CPPUNIT_ASSERT_EQUAL(std::string("{\"enabled\":true,\"items\":[]}\n"), extensions(catalog));
        const std::string start =
            "---\napiVersion: extension.tsb.tetrate.io/v2\nkind: WasmExtension\nmetadata: {name: ";
        const std::string text = start +
                                 "authz}\nspec: {url: 'ghcr.io/o/authz:v1', imagePullSecret: regcred, allowedIn: " +
                                 "[a/b], sha256: " + std::string(64, 'a') + ", config: {password: hunter2}}\n" + start +
                                 "broken}\nspec: {url: a, phase: x, vmConfig: hunter2}\n";
        catalog.replace("directory", readExtensions(text, DocumentFormat::Yaml, "/e/a.yaml"));
        catalog.record("authz",
                       {Digest::of("m"), Digest::of("w"), "", std::chrono::system_clock::from_time_t(1700000000)});
        catalog.record("authz", {{}, {}, "the registry refuses", std::chrono::system_clock::from_time_t(1700000001)});

        const auto body = extensions(catalog);
        CPPUNIT_ASSERT(body.find("hunter2") == std::string::npos);
        const auto listed = json(body).at("items").items();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), listed.size());
        const StrictJson& good = listed[0];
        for (const auto& [key, value] :
             std::vector<std::pair<std::string, std::string>>{{"name", "authz"},
                                                              {"origin", "/e/a.yaml"},
                                                              {"source", "directory"},
                                                              {"state", "in force"},
                                                              {"url", "oci://ghcr.io/o/authz:v1"},
                                                              {"imagePullPolicy", "IfNotPresent"},
                                                              {"imagePullSecret", "regcred"},
                                                              {"sha256", std::string(64, 'a')}})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(key, value, good.at(key).asString());
        CPPUNIT_ASSERT(!good.at("allowedIn").at("enforced").asBool() && !good.find("problems"));
        CPPUNIT_ASSERT_EQUAL(std::string("a/b"), good.at("allowedIn").at("values").items().at(0).asString());
        const auto pull = good.at("lastPull");
        CPPUNIT_ASSERT_EQUAL(Digest::of("m").str(), pull.at("manifestDigest").asString());
        CPPUNIT_ASSERT_EQUAL(std::string(Digest::of("w").hex()), pull.at("moduleSha256").asString());
        CPPUNIT_ASSERT_EQUAL(std::string("the registry refuses"), pull.at("error").asString());
        CPPUNIT_ASSERT_EQUAL(std::string("2023-11-14T22:13:21Z"), pull.at("at").asString());

        CPPUNIT_ASSERT_EQUAL(std::string("refused"), listed[1].at("state").asString());
        CPPUNIT_ASSERT_EQUAL(std::string("/e/a.yaml (document 2)"), listed[1].at("origin").asString());
        CPPUNIT_ASSERT_EQUAL(std::string("spec.phase"), listed[1].at("problems").items().at(0).at("field").asString());
        CPPUNIT_ASSERT(!listed[1].find("url") && !listed[1].find("lastPull"));

        ExtensionCatalog off(false);
        off.replace("directory", readExtensions(text, DocumentFormat::Yaml, "/e/a.yaml"));
        const auto none = json(extensions(off));
        CPPUNIT_ASSERT(!none.at("enabled").asBool());
        CPPUNIT_ASSERT(none.at("note").asString().find("enable-wasm-download-proxy") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("switched off"), none.at("items").items().at(0).at("state").asString());
    }

    void foreignPagesAreRefused() {
        Fixture fixture;
        const std::string port = std::to_string(fixture.server.port());
        struct Row {
            std::string headers;
            int status;
        };
        for (const Row& row : {
                 Row{"Host: localhost:" + port + "\r\n", 200},
                 Row{"Host: LocalHost:" + port + "\r\nOrigin: http://localhost:" + port + "\r\n", 200},
                 Row{"Host: 127.0.0.1:" + port + "\r\n", 200},
                 Row{"Host: 127.1.2.3:" + port + "\r\n", 200},
                 Row{"Host: [::1]:" + port + "\r\n", 200},
                 Row{"Host: 127.0.0.1:" + port + "\r\nOrigin: http://127.0.0.1:" + port + "\r\n", 200},
                 Row{"Host: evil.example:" + port + "\r\n", 403},
                 Row{"Host: localhost.evil.example:" + port + "\r\n", 403},
                 Row{"Host: 127.0.0.1.evil.example:" + port + "\r\n", 403},
                 Row{"Host: localhost\r\n", 403},
                 Row{"Host: [::1]\r\n", 403},
                 Row{"Host: localhost:1\r\n", 403},
                 Row{"Host: ::1:" + port + "\r\n", 403},
                 Row{"Host: 10.0.0.1:" + port + "\r\n", 403},
                 Row{"Host: \r\n", 403},
                 Row{"Host: localhost:" + port + "\r\nOrigin: http://evil.example\r\n", 403},
                 Row{"Host: localhost:" + port + "\r\nOrigin: null\r\n", 403},
                 Row{"Host: localhost:" + port + "\r\nOrigin: https://localhost:" + port + "\r\n", 403},
                 Row{"Host: localhost:" + port + "\r\nOrigin: http://localhost\r\n", 403},
             }) {
            RawClient client(fixture.server.port());
            client.send("GET /api/v1/modules HTTP/1.1\r\n" + row.headers + "\r\n");
            const RawAnswer answer = client.answer();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(row.headers, row.status, answer.status());
            if (row.status == 403) CPPUNIT_ASSERT_EQUAL(std::string("DENIED"), errorCode(answer));
        }
    }

    void oddRequestsGetOneAnswer() {
        Fixture fixture;
        const std::string line = "GET /api/v1/modules HTTP/1.1\r\n";
        const std::string good = line + fixture.host();
        std::vector<std::string> inputs;
        for (const char* header :
             {"Content-Length: 5", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 0\r\nContent-Length: 0",
              "Content-Length: +0", "Content-Length: -1", "Content-Length: 1,0", "Content-Length: x",
              "Content-Length: ", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
              "Transfer-Encoding : chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Host: other",
              "X: a\x01"})
            inputs.push_back(good + header + "\r\n\r\n");
        inputs.push_back(line + "\r\n");
        for (const char* start :
             {"POST /api/v1/modules HTTP/1.1", "PUT /api/v1/modules HTTP/1.1", "DELETE /api/v1/modules HTTP/1.1",
              "get /api/v1/modules HTTP/1.1", "GET http://localhost/api/v1/modules HTTP/1.1", "GET * HTTP/1.1",
              "GET /api/v1/modules HTTP/2.0", "GET /api/v1/modules", "GET /api/v1/mod\x7fules HTTP/1.1",
              "OPTIONS /api/v1/modules HTTP/1.1", "PRI * HTTP/2.0", "GET /%zz?a=%zz HTTP/1.1"})
            inputs.push_back(std::string(start) + "\r\n" + fixture.host() + "\r\n");
        inputs.push_back("POST /api/v1/modules HTTP/1.1\r\n" + fixture.host() + "Content-Length: 100000\r\n\r\n" +
                         std::string(100000, 'x'));
        inputs.push_back("GET /" + std::string(20000, 'x') + " HTTP/1.1\r\n" + fixture.host() + "\r\n");
        inputs.push_back(good + "X: " + std::string(20000, 'x') + "\r\n\r\n");
        inputs.push_back(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(300, '\x55') +
                         "\r\n\r\n");
        for (const std::string& input : inputs) {
            RawClient client(fixture.server.port());
            std::string answer;
            try {
                client.send(input + good + "\r\n");
                client.finishSending();
                answer = client.readToEnd();
            } catch (const std::exception& e) {
                CPPUNIT_FAIL(input.substr(0, 200) + ": " + e.what());
            }
            const std::string shown = input.substr(0, 200) + "\n-> " + answer;
            CPPUNIT_ASSERT_MESSAGE(shown, answer.compare(0, 10, "HTTP/1.1 4") == 0);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(shown, std::string::npos, answer.find("HTTP/1.1 ", 1));
            CPPUNIT_ASSERT_MESSAGE(shown, answer.find("Connection: close\r\n") != std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(shown, answer.find("{\"errors\":[") != std::string::npos);
        }
        // What Poco's parser reads in its own way is answered once all the same, and ends there.
        for (const std::string& input :
             {good + "no colon\r\n\r\n", good + ": x\r\n\r\n", good + "X: y\r\n Content-Length: 5\r\n\r\n",
              std::string("GET /api/v1/modules HTTP/1.1\nHost: a\n\n"), "\r\n" + good + "\r\n",
              good + "X: y\rTransfer-Encoding: chunked\r\n\r\n"}) {
            RawClient client(fixture.server.port());
            client.send(input + good + "\r\n");
            const std::string answer = client.readToEnd();
            CPPUNIT_ASSERT_MESSAGE(input, answer.compare(0, 9, "HTTP/1.1 ") == 0);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(input, std::string::npos, answer.find("HTTP/1.1 ", 1));
        }
        // And a good request is answered once, whatever follows it.
        RawClient client(fixture.server.port());
        client.send(good + "\r\n" + good + "\r\n");
        const std::string answer = client.readToEnd();
        CPPUNIT_ASSERT(answer.compare(0, 15, "HTTP/1.1 200 OK") == 0);
        CPPUNIT_ASSERT_EQUAL(std::string::npos, answer.find("HTTP/1.1 ", 1));
        CPPUNIT_ASSERT_EQUAL(405, fixture.get("/api/v1/modules", "", "POST").status());
        CPPUNIT_ASSERT_EQUAL(std::string("GET, HEAD"), fixture.get("/api/v1/modules", "", "PUT").header("Allow"));
        CPPUNIT_ASSERT_EQUAL(200, fixture.get("/api/v1/modules", "", "HEAD").status());
        CPPUNIT_ASSERT_EQUAL(404, fixture.get("/api/v1/modulesx").status());
        CPPUNIT_ASSERT_EQUAL(404, fixture.get("/").status());
        CPPUNIT_ASSERT_EQUAL(200, fixture.get("/api/v1/modules/").status());
    }

    void exceptionsBecomeAnswers() {
        Fixture fixture;
        for (const char* path : {"/api/v1/broken", "/api/v1/thrown"}) {
            const RawAnswer answer = fixture.get(path);
            CPPUNIT_ASSERT_EQUAL(500, answer.status());
            CPPUNIT_ASSERT_EQUAL(std::string("INTERNAL"), errorCode(answer));
            CPPUNIT_ASSERT(answer.body.find("secret") == std::string::npos);
        }
    }

    void onlyLoopback() {
        for (const char* listen :
             {"0.0.0.0:0", "10.0.0.1:80", "[::]:0", "nonsense", "127.0.0.1", "127.0.0.1:99999", ":80"}) {
            try {
                AdminServer server(listen);
                CPPUNIT_FAIL(std::string("accepted ") + listen);
            } catch (const Error& error) {
                CPPUNIT_ASSERT(error.code() == ErrorCode::SettingsInvalid);
                CPPUNIT_ASSERT(std::string(error.what()).find(listen) != std::string::npos);
            }
        }
        AdminServer first("127.0.0.1:0");
        first.start();
        AdminServer second("127.0.0.1:" + std::to_string(first.port()));
        CPPUNIT_ASSERT_THROW(second.start(), Error);
    }

    void stopEndsSoonWhateverIsOpen() {
        Fixture fixture;
        RawClient silent(fixture.server.port());
        RawClient half(fixture.server.port());
        half.send("GET /api");
        RawClient waiting(fixture.server.port());
        waiting.send("GET /api/v1/resolve?ref=host.example/a:held HTTP/1.1\r\n" + fixture.host() + "\r\n");
        std::this_thread::sleep_for(milliseconds(200));
        const auto start = Clock::now();
        fixture.server.stop();
        CPPUNIT_ASSERT(Clock::now() - start < milliseconds(500));
        CPPUNIT_ASSERT(silent.closedWithin(milliseconds(500)));
        CPPUNIT_ASSERT_THROW(RawClient(fixture.server.port()), std::runtime_error);
    }

    void manyStartsAndStops() {
        Metrics metrics;
        Clock::duration slowest{};
        for (int i = 0; i < 20; ++i) {
            HealthServer server("127.0.0.1:0", metrics, [] { return Readiness{true, ""}; });
            server.start();
            std::vector<RawClient> clients;
            for (int k = 0; k < i % 8; ++k) {
                clients.emplace_back(server.port());
                if (k % 2 == 0) CPPUNIT_ASSERT_EQUAL(200, clients.back().get("/healthz").status());
            }
            const auto start = Clock::now();
            server.stop();
            slowest = std::max(slowest, Clock::now() - start);
        }
        CPPUNIT_ASSERT_MESSAGE(std::to_string(std::chrono::duration_cast<milliseconds>(slowest).count()) + " ms",
                               slowest < milliseconds(500));
    }

    void slowClientsAreCut() {
        Metrics metrics;
        HealthServer server("127.0.0.1:0", metrics, [] { return Readiness{true, ""}; });
        server.start();
        std::vector<RawClient> slow;
        for (int i = 0; i < 8; ++i)
            slow.emplace_back(server.port());
        // All threads are taken; a byte now and then must not keep them.
        const auto start = Clock::now();
        auto probe = std::async(std::launch::async, [&] { return RawClient(server.port()).get("/healthz").status(); });
        while (probe.wait_for(milliseconds(100)) != std::future_status::ready)
            for (RawClient& client : slow) {
                try {
                    client.send("G");
                } catch (const std::exception&) {
                    // cut, as it should be
                }
            }
        CPPUNIT_ASSERT_EQUAL(200, probe.get());
        CPPUNIT_ASSERT(Clock::now() - start < milliseconds(3500));
    }

    void health() {
        Metrics metrics;
        metrics.request("fetch", 200, 0.1);
        Readiness state{false, "loading \"plugins\""};
        HealthServer server("127.0.0.1:0", metrics, [&] { return state; });
        server.start();
        const auto get = [&](const std::string& path, const char* method = "GET") {
            return RawClient(server.port()).get(path, "", method);
        };
        CPPUNIT_ASSERT_EQUAL(std::string("{\"status\":\"ok\"}\n"), get("/healthz").body);
        CPPUNIT_ASSERT_EQUAL(200, get("/healthz", "HEAD").status());
        RawAnswer answer = get("/readyz");
        CPPUNIT_ASSERT_EQUAL(503, answer.status());
        CPPUNIT_ASSERT_EQUAL(state.detail, json(answer.body).at("detail").asString());
        state = {true, "serving"};
        answer = get("/readyz?verbose");
        CPPUNIT_ASSERT_EQUAL(200, answer.status());
        CPPUNIT_ASSERT_EQUAL(std::string("ready"), json(answer.body).at("status").asString());
        answer = get("/metrics");
        CPPUNIT_ASSERT_EQUAL(std::string("text/plain; version=0.0.4; charset=utf-8"), answer.header("Content-Type"));
        CPPUNIT_ASSERT(answer.body.find("wasm_proxy_requests_total{") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(404, get("/").status());
        CPPUNIT_ASSERT_EQUAL(405, get("/healthz", "POST").status());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AdminTest);

} // namespace wasmproxy::host::test
