// SPDX-License-Identifier: Apache-2.0
// docs/admin-api.yaml and the running server, held against each other: the same operations with the same roles, and
// every answer as its schema says.
#include "JsonSchema.h"
#include "Rig.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

using namespace wasmproxy::test;
using Poco::JSON::Array;
using Poco::JSON::Object;

namespace {

struct Operation {
    std::string method;
    std::string path;
    std::string role;
    YAML::Node responses;

    std::string name() const { return method + " " + path; }
};

/// How an operation is called so that it succeeds.
struct CallOf {
    std::string target; ///< empty: the path itself
    std::string body = {};
    std::string type = "application/json";
};

Object::Ptr objectOf(const HttpAnswer& answer) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body + answer.error, std::string("application/json"),
                                 answer.header("Content-Type"));
    return Poco::JSON::Parser().parse(answer.body).extract<Object::Ptr>();
}

Array::Ptr itemsOf(const HttpAnswer& answer) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.body, 200, answer.status);
    return objectOf(answer)->getArray("items");
}

std::string extensionDocument(const std::string& name, const std::string& url) {
    return R"({"apiVersion":"extension.wasmproxy.io/v1alpha1","kind":"WasmExtension","metadata":{"name":")" + name +
           R"("},"spec":{"url":"oci://)" + url + R"("}})";
}

} // namespace

class AdminApiScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AdminApiScenarios);
    CPPUNIT_TEST(theFileHasWhatTheServerHas);
    CPPUNIT_TEST(everyOperationAnswersAsDescribed);
    CPPUNIT_TEST(errorsHaveOneShape);
    CPPUNIT_TEST(pagesAreStable);
    CPPUNIT_TEST(nothingSecretIsTold);
    CPPUNIT_TEST_SUITE_END();

    YAML::Node _document = YAML::LoadFile(SOURCE_ROOT "/docs/admin-api.yaml");
    JsonSchema _schema{_document};
    std::vector<Operation> _operations;
    std::unique_ptr<PrivateRegistry> _registry;
    std::unique_ptr<Proxy> _proxy;
    TemporaryFolder _folder;
    std::string _module; ///< its digest
    std::string _job;    ///< id of one that there is

    std::string image(const std::string& name) const { return _registry->registry.host() + "/team/" + name + ":v1"; }

public:
    /// A proxy that has served, refused and failed.
    void setUp() override {
        for (const auto& path : _document["paths"])
            for (const auto& operation : path.second) {
                auto method = operation.first.as<std::string>();
                std::transform(method.begin(), method.end(), method.begin(), ::toupper);
                CPPUNIT_ASSERT_MESSAGE(method + " lacks x-role", operation.second["x-role"]);
                _operations.push_back({method, path.first.as<std::string>(),
                                       operation.second["x-role"].as<std::string>(), operation.second["responses"]});
            }
        _registry = std::make_unique<PrivateRegistry>();
        _registry->push("team/hello:v1", filterModule());
        _registry->push("team/other:v1", uniqueModule("other"));
        std::filesystem::create_directories(_folder / "extensions");
        _folder.write("extensions/good.json", extensionDocument("good", image("hello")));
        _folder.write("extensions/bad.json", R"({"apiVersion":"extension.wasmproxy.io/v1alpha1",)"
                                             R"("kind":"WasmExtension","metadata":{"name":"bad"},"spec":{"urk":"x"}})");
        Proxy::Options options{_registry->registry.host()};
        options.pull = "hold = 2s\nsecond-look = 200ms";
        options.more = "[extensions]\ndirectory = " + (_folder / "extensions") +
                       "\n[backend.spare]\nplugin = oci\nproxy = http://robot:hunter2@127.0.0.1:9\n"
                       "[route.spare]\nmatch = spare.example.com/**\nbackend = spare\n";
        _proxy = std::make_unique<Proxy>(options);
        for (const char* name : {"hello", "other"})
            CPPUNIT_ASSERT_EQUAL(200, _proxy->fetch(image(name)).status);
        CPPUNIT_ASSERT_EQUAL(404, _proxy->fetch(image("absent")).status);
        CPPUNIT_ASSERT_EQUAL(404, _proxy->fetch("elsewhere.example.com/a:v1").status);
        const auto resolved = objectOf(_proxy->admin("/api/v1/resolve?ref=" + image("hello")));
        _module = "sha256:" + resolved->getValue<std::string>("moduleSha256");
    }

    void tearDown() override {
        _proxy.reset();
        _registry.reset();
    }

    void theFileHasWhatTheServerHas() {
        std::set<std::string> described, served;
        for (const auto& operation : _operations)
            described.insert(operation.name() + " " + operation.role);
        const auto items = itemsOf(_proxy->admin("/api/v1"));
        for (std::size_t i = 0; i < items->size(); ++i) {
            const auto item = items->getObject(static_cast<unsigned>(i));
            served.insert(item->getValue<std::string>("method") + " " + item->getValue<std::string>("path") + " " +
                          item->getValue<std::string>("role"));
        }
        std::string wrong;
        for (const auto& each : served)
            if (!described.count(each)) wrong += "not in docs/admin-api.yaml: " + each + "\n";
        for (const auto& each : described)
            if (!served.count(each)) wrong += "not served: " + each + "\n";
        CPPUNIT_ASSERT_MESSAGE(wrong, wrong.empty());
    }

    void everyOperationAnswersAsDescribed() {
        std::vector<const Operation*> operations; // to assign a YAML::Node is to change the document
        for (const auto& each : _operations)
            operations.push_back(&each);
        // What others need is taken away last, and what makes it comes first.
        const auto rank = [](const Operation& each) {
            if (each.path.find("/jobs") != std::string::npos) return each.method == "DELETE" ? 5 : 4;
            if (each.method == "DELETE") return each.path.find("/pin") != std::string::npos ? 6 : 7;
            if (each.path == "/api/v1/purge" || each.path.find("/evict") != std::string::npos) return 8;
            if (each.method == "PUT") return 1;
            return each.method == "POST" ? 2 : 3;
        };
        std::stable_sort(operations.begin(), operations.end(),
                         [&](const Operation* a, const Operation* b) { return rank(*a) < rank(*b); });
        std::string wrong;
        for (const auto* operation : operations)
            wrong += call(*operation);
        CPPUNIT_ASSERT_MESSAGE("not as docs/admin-api.yaml says:\n" + wrong + _proxy->log(), wrong.empty());
    }

    void errorsHaveOneShape() {
        const YAML::Node shape = _document["components"]["schemas"]["Errors"];
        const HttpClient client(_proxy->adminPort());
        struct Row {
            std::string method, target;
            int status;
        };
        std::vector<Row> rows{{"GET", "/api/v1/nothing", 404},
                              {"GET", "/", 404},
                              {"PATCH", "/api/v1/modules", 405},
                              {"GET", "/api/v1/modules/sha256:" + std::string(64, 'e'), 404},
                              {"GET", "/api/v1/modules/x", 400},
                              {"GET", "/api/v1/extensions/nobody", 404},
                              {"GET", "/api/v1/accesses?module=x", 400},
                              {"GET", "/api/v1/accesses?from=yesterday", 400},
                              {"GET", "/api/v1/accesses/counts?from=2026-01-31T00:00:00Z", 400},
                              {"GET", "/api/v1/resolve?ref=" + image("absent"), 404}};
        for (const char* list : {"plugins", "instances", "routes", "credentials", "modules", "tags", "accesses",
                                 "accesses/counts", "failures", "extensions", "events", "prefetch"})
            for (const char* query : {"?limit=0", "?limit=1001", "?limit=x", "?after=!!", "?after=YQ=="})
                rows.push_back({"GET", std::string("/api/v1/") + list + query, 400});
        for (const auto& row : rows) {
            const auto answer = client.send(row.method, row.target);
            const auto where = row.method + " " + row.target + ": " + answer.body + answer.error;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(where, row.status, answer.status);
            const auto problems = _schema.problems(shape, objectOf(answer));
            CPPUNIT_ASSERT_MESSAGE(where + (problems.empty() ? "" : problems.front()), problems.empty());
        }
    }

    void pagesAreStable() {
        for (int i = 0; i < 5; ++i) {
            const auto name = "page" + std::to_string(i);
            _registry->put("team/" + name + ":v1", istioArtifact(uniqueModule(name)));
            CPPUNIT_ASSERT_EQUAL(200, _proxy->fetch(image(name)).status);
            CPPUNIT_ASSERT_EQUAL(404, _proxy->fetch("elsewhere.example.com/" + name + ":v1").status);
        }
        for (const char* list : {"modules", "tags", "failures", "accesses", "instances", "extensions"}) {
            const std::string path = std::string("/api/v1/") + list;
            std::vector<std::string> whole, paged;
            const auto all = itemsOf(_proxy->admin(path));
            for (std::size_t i = 0; i < all->size(); ++i)
                whole.push_back(all->get(static_cast<unsigned>(i)).toString());
            std::string query = "?limit=2";
            for (int pages = 0; !query.empty() && pages < 100; ++pages) {
                const auto body = objectOf(_proxy->admin(path + query));
                const auto items = body->getArray("items");
                CPPUNIT_ASSERT(items->size() <= 2);
                for (std::size_t i = 0; i < items->size(); ++i)
                    paged.push_back(items->get(static_cast<unsigned>(i)).toString());
                query = body->has("next") ? "?limit=2&after=" + body->getValue<std::string>("next") : "";
            }
            CPPUNIT_ASSERT_EQUAL_MESSAGE(list, whole.size(), paged.size());
            CPPUNIT_ASSERT_MESSAGE(list, whole == paged && whole.size() >= 2);
        }
        // What comes in front of a page that was seen shifts nothing.
        const auto first = objectOf(_proxy->admin("/api/v1/modules?limit=3"));
        _registry->put("team/late:v1", istioArtifact(uniqueModule("late")));
        CPPUNIT_ASSERT_EQUAL(200, _proxy->fetch(image("late")).status);
        const auto second =
            itemsOf(_proxy->admin("/api/v1/modules?limit=100&after=" + first->getValue<std::string>("next")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(4), second->size());
    }

    void nothingSecretIsTold() {
        std::string all;
        for (const auto& operation : _operations)
            if (operation.method == "GET" && operation.path.find('{') == std::string::npos &&
                operation.path != "/api/v1/export")
                all += _proxy->admin(operation.path).body;
        // Of the docker config, as it is and as it is written there; and of the proxy's URL.
        for (const char* secret : {"hunter2", "cm9ib3Q6cmlnaHQ", "\"right\""})
            CPPUNIT_ASSERT_MESSAGE(secret, all.find(secret) == std::string::npos);
        CPPUNIT_ASSERT(all.find("<redacted>@127.0.0.1:9") != std::string::npos);
    }

private:
    CallOf callOf(const Operation& operation) {
        const std::string authz = extensionDocument("authz", image("other"));
        const std::map<std::string, std::function<CallOf()>> calls{
            {"GET /api/v1/resolve", [&] { return CallOf{"/api/v1/resolve?ref=" + image("hello")}; }},
            {"GET /api/v1/export", [&] { return CallOf{"/api/v1/export?reference=" + image("hello")}; }},
            {"GET /api/v1/extensions/{name}/document", [&] { return CallOf{"/api/v1/extensions/authz/document"}; }},
            {"POST /api/v1/extensions",
             [&] {
                 return CallOf{"/api/v1/extensions?dryRun=true", authz};
             }},
            {"PUT /api/v1/extensions/{name}",
             [&] {
                 return CallOf{"/api/v1/extensions/authz", authz};
             }},
            {"DELETE /api/v1/extensions/{name}", [&] { return CallOf{"/api/v1/extensions/authz"}; }},
            {"POST /api/v1/prefetch",
             [&] {
                 return CallOf{"", R"({"references":[")" + image("other") + R"("]})"};
             }},
            {"POST /api/v1/refresh",
             [&] {
                 return CallOf{"", R"({"reference":")" + image("other") + R"("})"};
             }},
            {"POST /api/v1/purge",
             [&] {
                 return CallOf{"", R"({"reference":")" + image("other") + R"("})"};
             }},
            {"POST /api/v1/cache/scrub",
             [] {
                 return CallOf{"", "{}"};
             }},
            {"POST /api/v1/cache/evict",
             [] {
                 return CallOf{"", R"({"bytes":1})"};
             }},
            {"POST /api/v1/configuration/validate",
             [] {
                 return CallOf{"", R"({"ini":"[pull]\nhold = x\n"})"};
             }},
            {"POST /api/v1/configuration/reload",
             [] {
                 return CallOf{"", "{}"};
             }},
            {"PUT /api/v1/log/level",
             [] {
                 return CallOf{"", R"({"level":"debug"})"};
             }},
            {"POST /api/v1/import",
             [&] {
                 OciLayout layout(_folder / "layout");
                 layout.addImage(istioArtifact(uniqueModule("imported")), "v1");
                 run("tar", {"-C", layout.path(), "-cf", _folder / "layout.tar", "."});
                 return CallOf{"/api/v1/import?reference=" + image("imported"), readFile(_folder / "layout.tar"),
                               "application/x-tar"};
             }},
        };
        const auto known = calls.find(operation.name());
        auto call = known == calls.end() ? CallOf{} : known->second();
        if (call.target.empty()) call.target = operation.path;
        for (const auto& [name, value] :
             {std::pair<std::string, std::string>{"{digest}", _module}, {"{name}", "good"}, {"{id}", _job}})
            if (const auto at = call.target.find(name); at != std::string::npos)
                call.target.replace(at, name.size(), value);
        return call;
    }

    /// What is wrong with the answer; empty: nothing.
    std::string call(const Operation& operation) {
        const auto call = callOf(operation);
        HttpClient::Headers headers;
        if (!call.body.empty()) headers = {{"Content-Type", call.type}};
        const auto answer = HttpClient(_proxy->adminPort())
                                .send(operation.method, call.target, headers, std::chrono::seconds(20), call.body);
        const auto about = operation.name() + " (" + call.target + "): " + std::to_string(answer.status) + " ";
        // A job may be over before it is told to end.
        const bool tooLate = operation.name() == "DELETE /api/v1/jobs/{id}" && answer.status == 409;
        if ((answer.status < 200 || answer.status > 299) && !tooLate)
            return about + answer.body.substr(0, 500) + answer.error + "\n";
        const auto described = _schema.member(operation.responses, tooLate ? "default" : std::to_string(answer.status));
        if (!described) return about + "is not described\n";
        const auto response = _schema.resolved(*described);
        const auto type = answer.header("Content-Type");
        const auto contents = _schema.member(response, "content");
        const auto content = contents ? _schema.member(*contents, type) : std::nullopt;
        if (!content) return about + "has the type " + type + "\n";
        if (type != "application/json") return answer.body.empty() ? about + "is empty\n" : "";
        const auto body = objectOf(answer);
        if (answer.status == 202 && body->has("id")) _job = body->getValue<std::string>("id");
        std::string wrong;
        for (const auto& problem : _schema.problems((*content)["schema"], body))
            wrong += about + problem + "\n";
        if (operation.method == "GET" && answer.status == 200 && answer.header("ETag").empty())
            wrong += about + "has no ETag\n";
        return wrong;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AdminApiScenarios);
