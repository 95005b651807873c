// SPDX-License-Identifier: Apache-2.0
// docs/status-codes.md, row by row: the table is read, and each cause is planted against a real registry where one can
// have it, else against a scripted one.
#include "PluginFolder.h"

#include "support/FreePorts.h"
#include "support/ScriptedServer.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <sstream>

using namespace wasmproxy::test;

namespace {

struct Row {
    std::string cause;
    int status = 0;
    std::string code;
    std::string when;
    bool explained = true; ///< by --explain
};

std::string trim(std::string text) {
    const auto cut = " `";
    text.erase(0, text.find_first_not_of(cut));
    text.erase(text.find_last_not_of(cut) + 1);
    return text;
}

/// The paragraph that begins with "Not told by `--explain`" names those that are not.
std::vector<Row> tableOf(const std::string& path) {
    std::vector<Row> rows;
    std::ifstream file(path);
    bool untold = false;
    for (std::string line; std::getline(file, line);) {
        untold = !line.empty() && (untold || line.rfind("Not told by `--explain`", 0) == 0);
        for (auto& row : rows)
            if (untold && line.find("`" + row.cause + "`") != std::string::npos) row.explained = false;
        if (line.rfind("| `", 0) != 0) continue;
        std::vector<std::string> cells;
        std::istringstream cellsOf(line.substr(1));
        for (std::string cell; std::getline(cellsOf, cell, '|');)
            cells.push_back(trim(cell));
        CPPUNIT_ASSERT_MESSAGE("a row of five cells: " + line, cells.size() >= 5);
        rows.push_back({cells[0], std::stoi(cells[1]), cells[2], cells[3]});
    }
    return rows;
}

constexpr double Hold = 2.0; // seconds, in these tests

std::string wellFormed(int status, const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nConnection: close\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A registry that has one artifact and tells one lie about it.
struct LyingRegistry {
    std::string module = uniqueModule("lies", 4000);
    std::string config = "{}";
    std::string manifest;
    std::function<std::string(const std::string& method, const std::string& target)> lie;
    ScriptedServer server;

    LyingRegistry()
        : server([this](ScriptedServer::Connection& connection) {
              const auto request = connection.readRequest();
              const auto space = request.find(' ');
              if (space == std::string::npos) return;
              const auto rest = request.substr(space + 1);
              connection.send(answer(request.substr(0, space), rest.substr(0, rest.find(' '))));
          }) {
        const auto describe = [](const std::string& type, const std::string& bytes) {
            return R"({"mediaType":")" + type + R"(","digest":"sha256:)" + sha256Hex(bytes) + R"(","size":)" +
                   std::to_string(bytes.size()) + "}";
        };
        manifest = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
                   describe("application/vnd.wasm.config.v0+json", config) + R"(,"layers":[)" +
                   describe("application/wasm", module) + "]}";
    }

    std::string host() const { return "127.0.0.1:" + std::to_string(server.port()); }
    std::string answer(const std::string& method, const std::string& target) {
        if (lie)
            if (auto told = lie(method, target); !told.empty()) return told;
        return truth(method, target);
    }
    std::string truth(const std::string& method, const std::string& target) const {
        std::string reply;
        if (target.find("/manifests/") != std::string::npos)
            reply = wellFormed(200,
                               "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"
                               "Docker-Content-Digest: sha256:" +
                                   sha256Hex(manifest) + "\r\n",
                               manifest);
        else if (target.find(sha256Hex(module)) != std::string::npos)
            reply = wellFormed(200, "Content-Type: application/octet-stream\r\n", module);
        else
            reply = wellFormed(404, "", "");
        return method == "HEAD" ? reply.substr(0, reply.find("\r\n\r\n") + 4) : reply;
    }
    static bool isBlob(const std::string& target) { return target.find("/blobs/") != std::string::npos; }
};

} // namespace

class StatusCodeScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StatusCodeScenarios);
    CPPUNIT_TEST(everyRowOfTheTable);
    CPPUNIT_TEST_SUITE_END();

    std::unique_ptr<PrivateRegistry> _registry;
    std::string _told;             // by /api/v1/failures of the last cause
    std::string _explained;        // by --explain
    std::unique_ptr<Proxy> _proxy; // of the real registry, with the right password

    std::string image(const std::string& name) const { return _registry->registry.host() + "/team/" + name + ":v1"; }

    Proxy::Options quick(const std::string& host) const {
        Proxy::Options options{host};
        options.pull = "hold = 2s\nsecond-look = 500ms\nmax-module = 1MiB";
        return options;
    }

    /// The answer to a request for `reference`, once one request to the admin API and one command have been asked why.
    HttpAnswer diagnosed(const Proxy& proxy, HttpAnswer answer, const std::string& reference = {}) {
        _told = proxy.admin("/api/v1/failures?limit=1").body;
        _explained.clear();
        if (reference.empty()) return answer;
        try {
            _explained = run(BUILD_ROOT "/bin/wasm-proxy",
                             {"--config=" + proxy.configuration(), "--explain", "oci://" + reference});
        } catch (const std::exception& e) {
            _explained =
                e.what(); // with the output: it ends with another code than 0 where the reference is not served
        }
        return answer;
    }
    HttpAnswer fetched(const Proxy& proxy, const std::string& reference) {
        return diagnosed(proxy, proxy.fetch(reference), reference);
    }

    HttpAnswer lied(const std::function<std::string(const std::string&, const std::string&)>& lie) {
        LyingRegistry registry;
        registry.lie = lie;
        Proxy proxy(quick(registry.host()));
        const auto answer = fetched(proxy, registry.host() + "/team/x:v1");
        // Nothing that was not verified may stay: only the manifest can be in the cache.
        const auto found = run("find", {proxy.blobs(), "-type", "f", "-size", "+2k"});
        CPPUNIT_ASSERT_EQUAL(std::string(), found);
        return answer;
    }

    ImageContent artifact(const std::string& bytes) const {
        ImageContent content;
        content.configMediaType = "application/vnd.wasm.config.v0+json";
        content.layers = {{"application/wasm", bytes}};
        return content;
    }

    HttpAnswer fetchArtifact(const std::string& name, const ImageContent& content) {
        _registry->push("team/" + name + ":v1", content);
        return fetched(*_proxy, image(name));
    }

    std::map<std::string, std::function<HttpAnswer()>> causes() {
        return {
            {"malformed-base64", [this] { return diagnosed(*_proxy, _proxy->get("/fetch/!!!")); }},
            {"malformed-reference", [this] { return fetched(*_proxy, _registry->registry.host() + "/Upper Case"); }},
            {"malformed-digest", [this] { return fetched(*_proxy, _registry->registry.host() + "/team/x@md5:abc"); }},
            {"foreign-caller",
             [this] {
                 auto options = quick(_registry->registry.host());
                 options.environment = {{"WASM_PROXY__DATAPLANE__ALLOW_FROM", "10.1.2.0/24"}};
                 const Proxy proxy(options);
                 return fetched(proxy, image("hello"));
             }},
            {"no-route", [this] { return fetched(*_proxy, "other.example.com/team/x:v1"); }},
            {"unknown-module",
             [this] { return diagnosed(*_proxy, _proxy->get("/modules/sha256/" + std::string(64, 'e') + ".wasm")); }},
            {"unknown-path", [this] { return diagnosed(*_proxy, _proxy->get("/v2/")); }},
            {"absent-tag", [this] { return fetched(*_proxy, image("absent")); }},
            {"wrong-method",
             [this] {
                 return diagnosed(*_proxy, HttpClient(_proxy->dataPort()).send("DELETE", fetchPath(image("hello"))));
             }},
            {"range",
             [this] {
                 _proxy->fetch(image("hello"));
                 return diagnosed(*_proxy, _proxy->get(fetchPath(image("hello")), {{"Range", "bytes=1000000-"}}));
             }},
            {"component",
             [this] { return fetchArtifact("component", artifact(std::string("\0asm\x0d\0\1\0", 8) + "rest")); }},
            {"no-module",
             [this] {
                 ImageContent content;
                 content.layers = {{"text/plain", "no module here"}, {"text/markdown", "# nor here"}};
                 return fetchArtifact("nothing", content);
             }},
            {"bad-magic", [this] { return fetchArtifact("magic", artifact("<html>not a module</html>")); }},
            {"bomb", [this] { return fetchArtifact("bomb", artifact(uniqueModule("bomb", 2 << 20))); }},
            {"wrong-credential",
             [this] {
                 auto options = quick(_registry->registry.host());
                 options.password = "wrong";
                 const Proxy proxy(options);
                 return fetched(proxy, image("hello"));
             }},
            {"missing-credential",
             [this] {
                 auto options = quick(_registry->registry.host());
                 options.user.clear();
                 const Proxy proxy(options);
                 return fetched(proxy, image("hello"));
             }},
            {"denied-repository",
             [this] {
                 return lied([](const std::string&, const std::string& target) -> std::string {
                     return target.find("/manifests/") == std::string::npos ? "" : wellFormed(403, "", "");
                 });
             }},
            {"broken-credential-file",
             [this] {
                 Proxy proxy(quick(_registry->registry.host()));
                 proxy.setDockerConfig("{\"auths\":");
                 return fetched(proxy, image("hello"));
             }},
            {"wrong-digest",
             [this] {
                 return lied([](const std::string& method, const std::string& target) -> std::string {
                     if (method != "GET" || !LyingRegistry::isBlob(target)) return {};
                     return wellFormed(200, "", uniqueModule("liar", 4000));
                 });
             }},
            {"short-body",
             [this] {
                 return lied([](const std::string& method, const std::string& target) -> std::string {
                     if (method != "GET" || !LyingRegistry::isBlob(target)) return {};
                     return wellFormed(200, "", std::string(3000, 'x'));
                 });
             }},
            {"html",
             [this] {
                 return lied([](const std::string& method, const std::string&) {
                     const auto page = wellFormed(200, "Content-Type: text/html\r\n", "<html>log in</html>");
                     return method == "HEAD" ? page.substr(0, page.find("\r\n\r\n") + 4) : page;
                 });
             }},
            {"lying-length",
             [this] {
                 return lied([](const std::string& method, const std::string& target) -> std::string {
                     if (method != "GET" || !LyingRegistry::isBlob(target)) return {};
                     return wellFormed(200, "", std::string(1 << 20, 'x'));
                 });
             }},
            {"plugin-throws",
             [this] {
                 const PluginFolder plugins;
                 plugins.install(fixture("one"), "one.so");
                 auto options = quick(_registry->registry.host());
                 options.pluginDirectory = plugins.path();
                 options.more = "[credential.bad]\nplugin = one\nsuffix = throws\n";
                 options.route = "credentials = bad";
                 const Proxy proxy(options);
                 return fetched(proxy, image("hello"));
             }},
            {"metadata-address",
             [this] {
                 return lied([](const std::string&, const std::string& target) -> std::string {
                     if (!LyingRegistry::isBlob(target)) return {};
                     return wellFormed(307, "Location: http://169.254.169.254/latest/meta-data\r\n", "");
                 });
             }},
            {"upstream-down",
             [this] {
                 const auto nobody = "127.0.0.1:" + std::to_string(freePort());
                 const Proxy proxy(quick(nobody));
                 return fetched(proxy, nobody + "/team/x:v1");
             }},
            {"rate-limit",
             [this] {
                 return lied(
                     [](const std::string&, const std::string&) { return wellFormed(429, "Retry-After: 60\r\n", ""); });
             }},
            {"policy",
             [this] {
                 return lied([](const std::string& method, const std::string& target) -> std::string {
                     if (target.find("/manifests/") == std::string::npos) return {};
                     const std::string reason =
                         R"({"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"3 vulnerabilities"}]})";
                     const auto told = wellFormed(412, "Content-Type: application/json\r\n", reason);
                     return method == "HEAD" ? told.substr(0, told.find("\r\n\r\n") + 4) : told;
                 });
             }},
            {"unwritable-store",
             [this] {
                 auto options = quick(_registry->registry.host());
                 options.pull += "\nspare-memory = 0";
                 const Proxy proxy(options);
                 const auto ingest = proxy.blobs() + "/ingest";
                 std::filesystem::remove_all(ingest);
                 std::ofstream(ingest) << "no folder";
                 return diagnosed(proxy, proxy.fetch(image("hello")));
             }},
            {"too-many-wait",
             [this] {
                 ScriptedServer silent([](auto& connection) {
                     connection.readRequest();
                     connection.sleep(std::chrono::seconds(10));
                 });
                 const auto host = "127.0.0.1:" + std::to_string(silent.port());
                 auto options = quick(host);
                 options.pull += "\nwaiting = 1";
                 const Proxy proxy(options);
                 auto first = std::async(std::launch::async, [&] { return proxy.fetch(host + "/team/x:v1"); });
                 while (proxy.metric("wasm_proxy_waiters") < 1 &&
                        first.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout) {
                 }
                 return diagnosed(proxy, proxy.fetch(host + "/team/y:v1"));
             }},
        };
    }

    /// What one request to /api/v1/failures, and --explain where it can know, do not tell of that cause; empty:
    /// nothing.
    std::string undiagnosed(const Row& row) {
        std::string wrong;
        const auto body = Poco::JSON::Parser().parse(_told).extract<Poco::JSON::Object::Ptr>();
        const auto items = body->getArray("items");
        if (items->size() == 0) return row.cause + ": no failure is told\n";
        const auto failure = items->getObject(0);
        const auto text = [&](const char* key) { return failure->optValue<std::string>(key, ""); };
        if (text("code") != row.code || text("reference").empty() || text("message").empty() || text("hint").empty())
            wrong += row.cause + ": the failure is told as " + _told;
        if (failure->getArray("callers")->size() == 0) wrong += row.cause + ": no caller is told: " + _told;
        if (!row.explained) return wrong;
        // Where a code has several causes: which one it is.
        const std::map<std::string, std::string> words{{"malformed-reference", "not a reference"},
                                                       {"malformed-digest", "not a reference"},
                                                       {"no-route", "it is refused with 404"},
                                                       {"absent-tag", "says there is no"},
                                                       {"component", "component"},
                                                       {"bomb", "pull.max-module"},
                                                       {"wrong-digest", "where sha256:"},
                                                       {"short-body", "3000 bytes instead"},
                                                       {"lying-length", "1048576 bytes instead"}};
        const auto word = words.find(row.cause);
        const bool byCode = row.status >= 422;
        if ((byCode && _explained.find(row.code + ": ") == std::string::npos) || (!byCode && word == words.end()) ||
            (word != words.end() && _explained.find(word->second) == std::string::npos))
            wrong += row.cause + ": --explain does not tell it: " + _explained + "\n";
        return wrong;
    }

    void everyRowOfTheTable() {
        _registry = std::make_unique<PrivateRegistry>();
        _registry->push("team/hello:v1", uniqueModule("hello"));
        _proxy = std::make_unique<Proxy>(quick(_registry->registry.host()));
        auto planted = causes();
        std::string wrong;
        for (const auto& row : tableOf(SOURCE_ROOT "/docs/status-codes.md")) {
            const auto cause = planted.find(row.cause);
            CPPUNIT_ASSERT_MESSAGE("the table's row has no test: " + row.cause, cause != planted.end());
            const auto answer = cause->second();
            planted.erase(cause);
            const bool held = row.when == "held";
            const bool right = answer.status == row.status &&
                               answer.body.find("\"code\":\"" + row.code + "\"") != std::string::npos &&
                               answer.body.find("\"requestId\":\"") != std::string::npos &&
                               answer.header("WWW-Authenticate").empty() && (!held || answer.seconds > Hold * 0.9) &&
                               (row.when != "at once" || answer.seconds < Hold * 0.5);
            std::ostringstream line;
            line << row.cause << ": " << answer.status << " after " << answer.seconds << " s " << answer.body << "\n";
            if (!right) wrong += line.str();
            wrong += undiagnosed(row);
        }
        CPPUNIT_ASSERT_MESSAGE("not as the table says:\n" + wrong + _proxy->log(), wrong.empty());
        for (const auto& left : planted)
            CPPUNIT_FAIL("the table lacks a row for " + left.first);
        _proxy.reset();
        _registry.reset();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StatusCodeScenarios);
