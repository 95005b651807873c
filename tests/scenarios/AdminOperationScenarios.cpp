// SPDX-License-Identifier: Apache-2.0
// What operators do through the admin API, with the real binary, a real registry and skopeo.
#include "Rig.h"

#include "support/FreePorts.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <Poco/Net/ServerSocket.h>
#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>

using namespace wasmproxy::test;
using Poco::JSON::Object;

namespace {

Object::Ptr parse(const std::string& text) {
    return Poco::JSON::Parser().parse(text).extract<Object::Ptr>();
}

HttpAnswer send(const Proxy& proxy, const std::string& method, const std::string& target, const std::string& body = {},
                HttpClient::Headers headers = {}) {
    if (!body.empty()) {
        headers.emplace_back("Content-Type", body[0] == '{' ? "application/json" : "application/x-tar");
    }
    return HttpClient(proxy.adminPort()).send(method, "/api/v1/" + target, headers, std::chrono::seconds(20), body);
}

/// The answer's JSON; the status must be as expected.
Object::Ptr expect(int status, const HttpAnswer& answer) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + answer.error, status, answer.status);
    return parse(answer.body);
}

std::string errorOf(int status, const HttpAnswer& answer) {
    return expect(status, answer)->getArray("errors")->getObject(0)->getValue<std::string>("code");
}

/// The job that the answer began, once it is over.
Object::Ptr awaitJob(const Proxy& proxy, const HttpAnswer& answer) {
    const auto job = expect(202, answer);
    const auto location = "/api/v1/jobs/" + job->getValue<std::string>("id");
    CPPUNIT_ASSERT_EQUAL(location, answer.header("Location"));
    for (int i = 0; i < 6; ++i) {
        const auto now = expect(200, proxy.admin(location + "?wait=10"));
        const auto state = now->getValue<std::string>("state");
        if (state != "queued" && state != "running") return now;
    }
    CPPUNIT_FAIL("the job does not end");
    return {};
}

std::string stateOf(const Object::Ptr& job) {
    return job->getValue<std::string>("state");
}

std::string document(const std::string& name, const std::string& url) {
    return R"({"apiVersion":"extension.wasmproxy.io/v1alpha1","kind":"WasmExtension","metadata":{"name":")" + name +
           R"("},"spec":{"url":"oci://)" + url + R"("}})";
}

} // namespace

class AdminOperationScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AdminOperationScenarios);
    CPPUNIT_TEST(aModuleMovesWithoutANetwork);
    CPPUNIT_TEST(prefetchRefreshAndCancel);
    CPPUNIT_TEST(pinnedPurgedAndScrubbed);
    CPPUNIT_TEST(extensionsAreWritten);
    CPPUNIT_TEST(settingsAreCheckedAndReloaded);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { _registry = std::make_unique<PrivateRegistry>(); }
    void tearDown() override { _registry.reset(); }

private:
    std::unique_ptr<PrivateRegistry> _registry; // made for each test: CppUnit keeps all fixtures from the start
    TemporaryFolder _folder;

    std::string image(const std::string& name) const { return _registry->registry.host() + "/team/" + name; }

    void aModuleMovesWithoutANetwork() {
        const auto module = uniqueModule("travels", 300000);
        const auto manifest = _registry->push("team/app:v1", module);
        std::string archive;
        {
            const Proxy proxy({_registry->registry.host()});
            CPPUNIT_ASSERT_EQUAL(std::string("MANIFEST_UNKNOWN"),
                                 errorOf(404, proxy.admin("/api/v1/export?reference=" + image("app:v1"))));
            CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(image("app:v1")).status);
            const auto answer = proxy.admin("/api/v1/export?reference=" + image("app:v1"));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body.substr(0, 500), 200, answer.status);
            CPPUNIT_ASSERT_EQUAL(std::string("application/x-tar"), answer.header("Content-Type"));
            archive = answer.body;
            const auto raw = proxy.admin("/api/v1/modules/sha256:" + sha256Hex(module) + "/export");
            CPPUNIT_ASSERT_EQUAL(200, raw.status);
            CPPUNIT_ASSERT(raw.body == module);
        }
        const auto file = _folder.write("app.tar", archive);
        const auto inspected = run("skopeo", {"inspect", "--raw", "oci-archive:" + file});
        CPPUNIT_ASSERT_EQUAL(manifest, "sha256:" + sha256Hex(inspected));
        // Every content that the manifest names is there, or this fails.
        run("skopeo", {"copy", "oci-archive:" + file, "dir:" + (_folder / "copy")});

        // Nothing listens at this registry.
        const auto nowhere = "127.0.0.1:" + std::to_string(freePort());
        Proxy proxy({nowhere});
        const auto target = "import?reference=" + nowhere + "/other/app:v9";
        const auto bad = awaitJob(proxy, send(proxy, "POST", target, archive.substr(0, archive.size() / 2)));
        CPPUNIT_ASSERT_EQUAL(std::string("failed"), stateOf(bad));
        auto spoilt = archive;
        spoilt[spoilt.find("travels")] ^= 1;
        const auto changed = awaitJob(proxy, send(proxy, "POST", target, spoilt));
        CPPUNIT_ASSERT_EQUAL(std::string("MODULE_UNUSABLE"),
                             changed->getObject("error")->getValue<std::string>("code"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), expect(200, proxy.admin("/api/v1/modules"))->getArray("items")->size());
        const auto good = awaitJob(proxy, send(proxy, "POST", target, archive));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy.log(), std::string("succeeded"), stateOf(good));
        CPPUNIT_ASSERT_EQUAL(manifest, good->getObject("result")->getValue<std::string>("manifestDigest"));
        const auto url = good->getObject("result")->getValue<std::string>("url");
        CPPUNIT_ASSERT_EQUAL(module, proxy.get(url.substr(url.find("/fetch/"))).body);
        const auto served = proxy.fetch(nowhere + "/other/app:v9");
        CPPUNIT_ASSERT_EQUAL(200, served.status);
        CPPUNIT_ASSERT(served.body == module);
        proxy.terminate();
        proxy.start();
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(nowhere + "/other/app@" + manifest).status);
        // Not permitted, whatever is imported.
        awaitJob(proxy, send(proxy, "POST", "import?reference=elsewhere.example.com/app:v1", archive));
        CPPUNIT_ASSERT_EQUAL(404, proxy.fetch("elsewhere.example.com/app:v1").status);
    }

    void prefetchRefreshAndCancel() {
        _registry->push("team/one:v1", uniqueModule("one"));
        _registry->push("team/two:v1", uniqueModule("two"));
        Poco::Net::ServerSocket silent(Poco::Net::SocketAddress("127.0.0.1:0")); // takes connections, says nothing
        const auto silentHost = silent.address().toString();
        Proxy::Options options{_registry->registry.host()};
        options.route = "tag-ttl = 1h";
        options.pull = "hold = 3s\nsecond-look = 200ms";
        options.more = "[route.silent]\nmatch = " + silentHost + "/**\nbackend = private\n";
        const Proxy proxy(options);
        const auto list = [](const std::vector<std::string>& references) {
            std::string text;
            for (const auto& each : references)
                text += (text.empty() ? "\"" : ",\"") + each + "\"";
            return "{\"references\":[" + text + "]}";
        };
        auto job = awaitJob(proxy, send(proxy, "POST", "prefetch", list({image("one:v1"), image("two:v1")})));
        CPPUNIT_ASSERT_EQUAL(std::string("succeeded"), stateOf(job));
        CPPUNIT_ASSERT_EQUAL(2, job->getObject("progress")->getValue<int>("done"));
        CPPUNIT_ASSERT_EQUAL(2, job->getObject("result")->getValue<int>("pulled"));
        job = awaitJob(proxy, send(proxy, "POST", "prefetch", list({image("one:v1"), "x.example.com/a:b"})));
        CPPUNIT_ASSERT_EQUAL(std::string("failed"), stateOf(job));
        CPPUNIT_ASSERT_EQUAL(1, job->getObject("result")->getValue<int>("failed"));
        CPPUNIT_ASSERT_EQUAL(std::string("REQUEST_INVALID"),
                             errorOf(400, send(proxy, "POST", "prefetch", list({"UPPER/case"}))));
        CPPUNIT_ASSERT_EQUAL(std::string("REQUEST_INVALID"),
                             errorOf(400, send(proxy, "POST", "prefetch", R"({"reference":"x"})")));

        const auto begun = expect(202, send(proxy, "POST", "prefetch", list({silentHost + "/a:b"})));
        const auto id = begun->getValue<std::string>("id");
        while (stateOf(expect(200, proxy.admin("/api/v1/jobs/" + id))) == "queued")
            continue;
        const auto cancelled = send(proxy, "DELETE", "jobs/" + id);
        CPPUNIT_ASSERT_EQUAL(202, cancelled.status);
        const auto ended = proxy.admin("/api/v1/jobs/" + id + "?wait=10");
        CPPUNIT_ASSERT_EQUAL(std::string("cancelled"), stateOf(expect(200, ended)));
        CPPUNIT_ASSERT_MESSAGE(std::to_string(ended.seconds), ended.seconds < 1.0);
        CPPUNIT_ASSERT_EQUAL(std::string("JOB_UNKNOWN"), errorOf(404, send(proxy, "DELETE", "jobs/999")));

        const auto moved = _registry->push("team/one:v1", uniqueModule("one, anew"));
        CPPUNIT_ASSERT_EQUAL(uniqueModule("one"), proxy.fetch(image("one:v1")).body);
        const auto fresh = expect(200, send(proxy, "POST", "refresh", R"({"reference":"oci://)" + image("one:v1\"}")));
        CPPUNIT_ASSERT_EQUAL(moved, fresh->getValue<std::string>("manifestDigest"));
        CPPUNIT_ASSERT_EQUAL(uniqueModule("one, anew"), proxy.fetch(image("one:v1")).body);
    }

    void pinnedPurgedAndScrubbed() {
        const auto module = uniqueModule("kept");
        const auto manifest = _registry->push("team/app:v1", module);
        Proxy proxy({_registry->registry.host()});
        const auto path = "modules/" + manifest;
        CPPUNIT_ASSERT_EQUAL(std::string("BLOB_UNKNOWN"), errorOf(404, send(proxy, "POST", path + "/pin")));
        CPPUNIT_ASSERT_EQUAL(200, proxy.fetch(image("app:v1")).status);
        expect(200, send(proxy, "POST", path + "/pin"));
        proxy.terminate();
        proxy.start();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), expect(200, proxy.admin("/api/v1/pins"))->getArray("items")->size());
        CPPUNIT_ASSERT_EQUAL(std::string("PINNED"),
                             errorOf(409, send(proxy, "DELETE", "modules/" + sha256Hex(module))));
        expect(200, send(proxy, "DELETE", path + "/pin"));

        std::size_t spoilt = 0;
        for (const auto& each : std::filesystem::recursive_directory_iterator(proxy.blobs()))
            if (each.path().filename().string().find(sha256Hex(module)) != std::string::npos) {
                std::filesystem::permissions(each, std::filesystem::perms::owner_all);
                std::fstream(each.path(), std::ios::in | std::ios::out | std::ios::binary).seekp(9).put('~');
                ++spoilt;
            }
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), spoilt);
        const auto scrubbed = awaitJob(proxy, send(proxy, "POST", "cache/scrub"));
        CPPUNIT_ASSERT_EQUAL(1, scrubbed->getObject("result")->getValue<int>("removed"));
        CPPUNIT_ASSERT_EQUAL(module, proxy.fetch(image("app:v1")).body); // fetched again

        const auto job = awaitJob(proxy, send(proxy, "POST", "purge", R"({"reference":")" + image("app:v1\"}")));
        CPPUNIT_ASSERT_EQUAL(std::string("purge succeeded"), job->getValue<std::string>("kind") + " " + stateOf(job));
        const auto purged = job->getObject("result");
        CPPUNIT_ASSERT(proxy.log().find("/api/v1/purge") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(proxy.log(), proxy.log().find(image("app:v1"), proxy.log().find("/api/v1/purge")) !=
                                                std::string::npos);
        CPPUNIT_ASSERT_EQUAL(1, purged->getValue<int>("tags"));
        CPPUNIT_ASSERT(purged->getValue<int>("contents") >= 2);
        CPPUNIT_ASSERT_EQUAL(404, send(proxy, "DELETE", path).status);
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), expect(200, proxy.admin("/api/v1/modules"))->getArray("items")->size());
        CPPUNIT_ASSERT_EQUAL(std::string("succeeded"),
                             stateOf(awaitJob(proxy, send(proxy, "POST", "cache/evict", R"({"bytes":1})"))));
        CPPUNIT_ASSERT_EQUAL(module, proxy.fetch(image("app:v1")).body);
    }

    void extensionsAreWritten() {
        _registry->push("team/app:v1", uniqueModule("first"));
        _registry->push("team/app:v2", uniqueModule("second"));
        _folder.write("extensions/taken.json", document("yaml", image("app:v1")));
        Proxy::Options options{_registry->registry.host()};
        options.more = "[extensions]\ndirectory = " + (_folder / "extensions") + "\n";
        const Proxy proxy(options);
        const auto put = [&](const std::string& name, const std::string& body, const std::string& match = {}) {
            return send(proxy, "PUT", "extensions/" + name, body,
                        match.empty() ? HttpClient::Headers() : HttpClient::Headers{{"If-Match", match}});
        };
        expect(200, put("authz?dryRun=true", document("authz", image("app:v1"))));
        CPPUNIT_ASSERT_EQUAL(404, proxy.get("/extensions/authz.wasm").status);
        const auto created = put("authz", document("authz", image("app:v1")));
        expect(201, created);
        CPPUNIT_ASSERT_EQUAL(uniqueModule("first"), proxy.get("/extensions/authz.wasm").body);
        const auto read = proxy.admin("/api/v1/extensions/authz/document");
        CPPUNIT_ASSERT_EQUAL(document("authz", image("app:v1")), read.body);
        CPPUNIT_ASSERT_EQUAL(created.header("ETag"), read.header("ETag"));
        expect(200, put("authz", document("authz", image("app:v2")), read.header("ETag")));
        CPPUNIT_ASSERT_EQUAL(uniqueModule("second"), proxy.get("/extensions/authz.wasm").body);
        CPPUNIT_ASSERT_EQUAL(std::string("PRECONDITION_FAILED"),
                             errorOf(412, put("authz", document("authz", image("app:v1")), read.header("ETag"))));
        const auto create = [&](const std::string& name) {
            return send(proxy, "PUT", "extensions/" + name, document(name, image("app:v1")), {{"If-None-Match", "*"}});
        };
        CPPUNIT_ASSERT_EQUAL(std::string("PRECONDITION_FAILED"), errorOf(412, create("authz")));
        CPPUNIT_ASSERT_EQUAL(uniqueModule("second"), proxy.get("/extensions/authz.wasm").body);
        expect(201, create("fresh"));
        CPPUNIT_ASSERT_EQUAL(std::string("NAME_TAKEN"), errorOf(409, put("yaml", document("yaml", image("app:v2")))));
        CPPUNIT_ASSERT_EQUAL(std::string("NAME_TAKEN"), errorOf(409, send(proxy, "DELETE", "extensions/yaml")));
        CPPUNIT_ASSERT_EQUAL(std::string("EXTENSION_INVALID"),
                             errorOf(422, put("other", document("authz", image("app:v1")))));
        CPPUNIT_ASSERT_EQUAL(std::string("EXTENSION_INVALID"), errorOf(422, put("authz", R"({"kind":"x"})")));
        for (const char* name : {"..%2fetc", "UPPER", ".hidden"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, 400, put(name, document("x", image("app:v1"))).status);
        expect(200, send(proxy, "DELETE", "extensions/authz"));
        CPPUNIT_ASSERT_EQUAL(404, proxy.get("/extensions/authz.wasm").status);
        CPPUNIT_ASSERT_EQUAL(404, send(proxy, "DELETE", "extensions/authz").status);
        CPPUNIT_ASSERT(!std::filesystem::exists(_folder / "extensions/authz.json"));
    }

    void settingsAreCheckedAndReloaded() {
        Proxy proxy({_registry->registry.host()});
        expect(200, send(proxy, "PUT", "log/level", R"({"level":"error"})"));
        CPPUNIT_ASSERT_EQUAL(400, send(proxy, "PUT", "log/level", R"({"level":"loud"})").status);
        const auto check = [&](const std::string& ini) {
            return expect(200, send(proxy, "POST", "configuration/validate", R"({"ini":")" + ini + R"("})"));
        };
        auto checked = check(R"([pull]\nhold = soon\n)");
        CPPUNIT_ASSERT(!checked->getValue<bool>("valid"));
        CPPUNIT_ASSERT_EQUAL(std::string("pull.hold"),
                             checked->getArray("problems")->getObject(0)->getValue<std::string>("key"));
        CPPUNIT_ASSERT_EQUAL(std::string("request:2"),
                             checked->getArray("problems")->getObject(0)->getValue<std::string>("origin"));
        checked = check(R"([plugins]\ndirectory = /tmp\n)");
        CPPUNIT_ASSERT(!checked->getValue<bool>("valid"));
        bool refused = false;
        for (unsigned i = 0; i < checked->getArray("problems")->size(); ++i)
            refused = refused || checked->getArray("problems")->getObject(i)->optValue<std::string>("key", "") ==
                                     "plugins.directory";
        CPPUNIT_ASSERT(refused);

        const auto ini = readFile(proxy.configuration());
        const auto write = [&](const std::string& text) { std::ofstream(proxy.configuration()) << text; };
        write(ini + "[route.more]\nmatch = more.example.com/**\nbackend = private\n");
        CPPUNIT_ASSERT_EQUAL(2, expect(200, send(proxy, "POST", "configuration/reload"))->getValue<int>("generation"));
        write(ini + "[route.more]\nmatch = \nbackend = absent\n");
        const auto broken = send(proxy, "POST", "configuration/reload");
        CPPUNIT_ASSERT_EQUAL(std::string("SETTINGS_INVALID"), errorOf(422, broken));
        CPPUNIT_ASSERT(broken.body.find("route.more") != std::string::npos);
        CPPUNIT_ASSERT(proxy.admin("/api/v1/routes").body.find("more.example.com") != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AdminOperationScenarios);
