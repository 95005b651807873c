// SPDX-License-Identifier: Apache-2.0
// Extensions that need no route: the product's own wiring of registries that no route names, and of http(s) urls.
#include "AnswerServer.h"
#include "Rig.h"

#include "support/Base64.h"

#include <cppunit/extensions/HelperMacros.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

using namespace wasmproxy::test;
using Clock = std::chrono::steady_clock;
using Kind = LoggedRequest::Kind;

class ExtensionScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ExtensionScenarios);
    CPPUNIT_TEST(aRegistryThatNoRouteNames);
    CPPUNIT_TEST(mirrorsOfSuchARegistry);
    CPPUNIT_TEST(anHttpUrl);
    CPPUNIT_TEST(switchedOnByAReload);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<TemporaryFolder> folder; // made for each test: CppUnit keeps all fixtures from the start

public:
    void setUp() override {
        folder = std::make_unique<TemporaryFolder>();
        std::filesystem::create_directories(*folder / "extensions");
    }
    void tearDown() override { folder.reset(); }

private:
    /// The only route is of a registry that is not there.
    std::unique_ptr<Proxy> start(const std::string& dockerConfigs, const std::string& more = {}) const {
        Proxy::Options options{"unused.test:1"};
        options.pull = "hold = 2s\nsecond-look = 200ms";
        options.user = "";
        options.more =
            "[extensions]\ndirectory = " + (*folder / "extensions") + "\n[backend.oci]\nplain-http = true\n" + more;
        auto proxy = std::make_unique<Proxy>(options);
        if (!dockerConfigs.empty()) proxy->setDockerConfig(dockerConfigs);
        return proxy;
    }
    void write(const std::string& name, const std::string& url, const std::string& more = {}) const {
        const auto aside = folder->write("new", "apiVersion: extension.wasmproxy.io/v1alpha1\nkind: WasmExtension\n"
                                                "metadata:\n  name: " +
                                                    name + "\nspec:\n  url: " + url + "\n" + more);
        const auto file = *folder / ("extensions/" + name + ".yaml");
        CPPUNIT_ASSERT_EQUAL(0, std::rename(aside.c_str(), file.c_str()));
    }
    /// What the admin port says of the Extension, once that has `words`.
    static std::string told(const Proxy& proxy, const std::string& name, const std::string& words) {
        std::string last;
        for (const auto end = Clock::now() + std::chrono::seconds(15); Clock::now() < end;) {
            last = proxy.admin("/api/v1/extensions/" + name).body;
            if (last.find(words) != std::string::npos) return last;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        CPPUNIT_FAIL("no \"" + words + "\" in " + last + "\n" + proxy.log());
        return last;
    }
    static void assertServed(const Proxy& proxy, const std::string& target, const std::string& module) {
        const auto answer = proxy.get(target);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + proxy.log(), 200, answer.status);
        CPPUNIT_ASSERT(answer.body == module);
    }

    void aRegistryThatNoRouteNames() {
        PrivateRegistry registry;
        const auto module = uniqueModule("unrouted");
        registry.put("team/authz:v1", istioArtifact(module));
        registry.put("team/other:v1", istioArtifact(uniqueModule("nobody's")));
        const auto host = registry.registry.host();
        const auto proxy = start(dockerConfig(host, "robot", "right"));
        CPPUNIT_ASSERT_EQUAL(404, proxy->fetch(host + "/team/authz:v1").status);
        write("authz", "oci://" + host + "/team/authz:v1");
        told(*proxy, "authz", "moduleSha256");
        assertServed(*proxy, "/extensions/authz.wasm", module);
        assertServed(*proxy, fetchPath(host + "/team/authz:v1"), module);
        CPPUNIT_ASSERT_EQUAL(404, proxy->fetch(host + "/team/other:v1").status); // the right is the Extension's alone
        // A reload takes the backend over: nothing is asked again for what is known.
        proxy->child().signal(SIGHUP);
        const std::string applied = "wasm_proxy_reloads_total{result=\"applied\"}";
        for (int i = 0; i < 500 && proxy->metric(applied) < 1; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        assertServed(*proxy, "/extensions/authz.wasm", module);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy->log(), 0, proxy->terminate());
    }

    void mirrorsOfSuchARegistry() {
        PrivateRegistry registry;
        PrivateRegistry mirror;
        const auto module = uniqueModule("unrouted and mirrored");
        for (auto* each : {&registry, &mirror}) {
            each->put("team/authz:v1", istioArtifact(module));
            each->registry.forget();
        }
        const auto config = [](const std::string& a, const std::string& b) {
            const auto entry = [](const std::string& host) {
                return "\"" + host + R"(":{"auth":")" + base64("robot:right") + "\"}";
            };
            return R"({"auths":{)" + entry(a) + "," + entry(b) + "}}";
        };
        const auto proxy =
            start(config(registry.registry.host(), mirror.registry.host()),
                  "mirrors = near\n[backend.near]\nplugin = oci\nendpoint = http://" + mirror.registry.host() + "\n");
        write("authz", "oci://" + registry.registry.host() + "/team/authz:v1");
        told(*proxy, "authz", "moduleSha256");
        assertServed(*proxy, "/extensions/authz.wasm", module);
        CPPUNIT_ASSERT(registry.registry.count("", Kind::Manifests) > 0); // what the tag means
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.registry.count("", Kind::Blobs));
        CPPUNIT_ASSERT(mirror.registry.count("", Kind::Blobs) > 0);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy->log(), 0, proxy->terminate());
    }

    void anHttpUrl() {
        const auto module = uniqueModule("from the web");
        AnswerServer web;
        web.answer("/authz.wasm", {200, module});
        web.answer("/moved", {302, "", "Location: " + web.url("/authz.wasm", "localhost") + "\r\n"});
        const auto proxy = start({});
        write("authz", web.url("/authz.wasm"));
        write("moved", web.url("/moved"), "  imagePullSecret: regcred\n");
        told(*proxy, "authz", "moduleSha256");
        assertServed(*proxy, "/extensions/authz.wasm", module);
        assertServed(*proxy, "/fetch/" + base64(web.url("/authz.wasm")), module);
        CPPUNIT_ASSERT_EQUAL(404, proxy->get("/fetch/" + base64(web.url("/other.wasm"))).status);
        // The url's own host is dialled as written; another one that lies on a private address is not.
        told(*proxy, "moved", "localhost");
        told(*proxy, "moved", R"("warnings":[{"field":"spec.imagePullSecret","message":"is not used)");
        CPPUNIT_ASSERT_MESSAGE(proxy->log(), proxy->log().find("imagePullSecret is not used") != std::string::npos);
        int files = 0;
        for (const auto& request : web.requests()) {
            if (request.rfind("GET /authz.wasm ", 0) == 0) ++files;
            CPPUNIT_ASSERT_MESSAGE(request, request.find("uthorization") == std::string::npos);
        }
        CPPUNIT_ASSERT_EQUAL(1, files);
        const auto explained = [&](const std::string& path) {
            try {
                return run(BUILD_ROOT "/bin/wasm-proxy",
                           {"--config=" + proxy->configuration(), "--explain=" + web.url(path)});
            } catch (const std::exception& error) {
                return std::string(error.what()); // with the output, where the module cannot be served
            }
        };
        for (const auto& [path, words] : {std::pair("/authz.wasm", "module         sha256:" + sha256Hex(module)),
                                          {"/moved", std::string("module         ADDRESS_REFUSED: ")}})
            CPPUNIT_ASSERT_MESSAGE(explained(path), explained(path).find(words) != std::string::npos);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy->log(), 0, proxy->terminate());
    }

    void switchedOnByAReload() {
        const auto module = uniqueModule("switched on");
        AnswerServer web;
        web.answer("/authz.wasm", {200, module});
        const auto proxy = start({}, "[mesh]\nenable-wasm-download-proxy = false\n");
        write("authz", web.url("/authz.wasm"));
        told(*proxy, "authz", "switched off");
        auto text = readFile(proxy->configuration());
        const std::string off = "proxy = false";
        text.replace(text.find(off), off.size(), "proxy = true");
        proxy->folder().write("wasm-proxy.ini", text);
        proxy->child().signal(SIGHUP);
        told(*proxy, "authz", "moduleSha256"); // nobody has fetched it
        CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy->log(), 0, proxy->terminate());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ExtensionScenarios);
