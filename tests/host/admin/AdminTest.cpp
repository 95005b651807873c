// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminServer.h"
#include "admin/HealthServer.h"
#include "admin/StopSignal.h"
#include "observe/Metrics.h"
#include "pull/CacheTiers.h"
#include "routing/RouteTable.h"
#include "support/RawClient.h"
#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include <Poco/File.h>
#include <Poco/TemporaryFile.h>
#include <cppunit/extensions/HelperMacros.h>
#include <fstream>
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

/// An AdminServer with operations of all kinds.
struct Fixture {
    Fixture() : server("127.0.0.1:0") {
        const auto add = [&](const char* method, const char* path, AdminHandler handler, std::uint64_t limit = 0) {
            server.add({method, path, method == std::string("GET") ? AdminRole::Read : AdminRole::Operate,
                        std::move(handler), limit, std::string(path).find("archive") != std::string::npos});
        };
        add("GET", "/api/v1/modules", [](const AdminRequest&) { return text("all"); });
        add("GET", "/api/v1/things/{name}", [](const AdminRequest& r) { return text("thing " + r.segment("name")); });
        add("GET", "/api/v1/things/special", [](const AdminRequest&) { return text("the special one"); });
        add(
            "PUT", "/api/v1/things/{name}",
            [](const AdminRequest& r) { return text(r.segment("name") + "=" + r.body + " if " + r.ifMatch); }, 100000);
        add("DELETE", "/api/v1/things/{name}", [](const AdminRequest& r) { return text("gone " + r.segment("name")); });
        add("GET", "/api/v1/tags/{reference...}", [](const AdminRequest& r) { return text(r.segment("reference")); });
        add("POST", "/api/v1/actions/{name}", [](const AdminRequest& r) { return text(r.actor); });
        add(
            "POST", "/api/v1/archive", [this](const AdminRequest& r) { return takeArchive(r); }, 1 << 20);
        add("GET", "/api/v1/export", [this](const AdminRequest&) { return giveFile(); });
        add("GET", "/api/v1/broken", [](const AdminRequest&) -> AdminAnswer { throw 42; });
        add("GET", "/api/v1/thrown", [](const AdminRequest&) -> AdminAnswer { throw std::runtime_error("secret"); });
        add("GET", "/api/v1/wrong", [](const AdminRequest&) -> AdminAnswer {
            throw Error(ErrorCode::RouteUnknown, "no route serves a", "add a route");
        });
        add("GET", "/api/v1/held", [](const AdminRequest& r) { return held(r); });
        server.start();
    }

    static AdminAnswer text(const std::string& body) {
        AdminAnswer answer;
        answer.body = body;
        return answer;
    }

    AdminAnswer takeArchive(const AdminRequest& request) {
        archive = request.bodyFile;
        if (keeping) uploads.push_back(request.upload);
        return text(request.bodyFile.empty() ? "nothing" : std::to_string(Poco::File(archive).getSize()));
    }

    AdminAnswer giveFile() {
        AdminAnswer answer;
        const auto file = std::make_shared<Poco::TemporaryFile>();
        std::ofstream(file->path()) << std::string(300000, 'x');
        answer.file = exported = file->path();
        answer.fileOwner = file;
        answer.contentType = "application/x-tar";
        return answer;
    }

    static AdminAnswer held(const AdminRequest& request) {
        std::promise<void> stopped;
        const StopSignal::Subscription onStop(*request.stop, [&] { stopped.set_value(); });
        return text(stopped.get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready ? "stopped"
                                                                                                        : "late");
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

    RawAnswer send(const std::string& method, const std::string& path, const std::string& headers,
                   const std::string& body) {
        return get(path, headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
                   method.c_str());
    }

    std::string archive;
    bool keeping = false; // as a job does
    std::vector<std::shared_ptr<const void>> uploads;
    std::string exported;
    AdminServer server;
};

} // namespace

class AdminTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AdminTest);
    CPPUNIT_TEST(pathsHaveNames);
    CPPUNIT_TEST(answersHaveTags);
    CPPUNIT_TEST(bodies);
    CPPUNIT_TEST(archives);
    CPPUNIT_TEST(files);
    CPPUNIT_TEST(foreignPagesAreRefused);
    CPPUNIT_TEST(oddRequestsGetOneAnswer);
    CPPUNIT_TEST(exceptionsBecomeAnswers);
    CPPUNIT_TEST(onlyLoopback);
    CPPUNIT_TEST(stopEndsSoonWhateverIsOpen);
    CPPUNIT_TEST(manyStartsAndStops);
    CPPUNIT_TEST(slowClientsAreCut);
    CPPUNIT_TEST(health);
    CPPUNIT_TEST_SUITE_END();

    void pathsHaveNames() {
        Fixture fixture;
        const std::vector<std::pair<std::string, std::string>> rows{
            {"/api/v1/things/a", "thing a"},
            {"/api/v1/things/a/", "thing a"},
            {"/api/v1/things/a%20b", "thing a b"},
            {"/api/v1/things/a%2Fb", "thing a/b"},
            {"/api/v1/things/a+b", "thing a+b"},
            {"/api/v1/things/special", "the special one"},
            {"/api/v1/tags/host.example:5000/team/filter:v1", "host.example:5000/team/filter:v1"},
            {"/api/v1/tags/a%2Fb/c", "a/b/c"},
        };
        for (const auto& [path, body] : rows)
            CPPUNIT_ASSERT_EQUAL_MESSAGE(path, body, fixture.get(path).body);
        for (const char* path : {"/api/v1/things", "/api/v1/things//", "/api/v1/things/a/b", "/api/v1/tags",
                                 "/api/v1/tags/", "/api/v1//modules", "//api/v1/modules", "/api", "/API/V1/modules"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(path, 404, fixture.get(path).status());
        for (const char* path : {"/api/v1/things/%2e%2e", "/api/v1/things/..", "/api/v1/tags/a/../b", "/api/v1/tags/.",
                                 "/api/v1/things/%00", "/api/v1/things/a%0ab", "/api/v1/things/%zz",
                                 "/api/v1/things/%7f", "/api/v1/things/%"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(path, 400, fixture.get(path).status());
        const RawAnswer refused = fixture.get("/api/v1/things/special", "", "POST");
        CPPUNIT_ASSERT_EQUAL(405, refused.status());
        CPPUNIT_ASSERT_EQUAL(std::string("GET, HEAD, PUT, DELETE"), refused.header("Allow"));
        // The name is taken where the literal path has no such method.
        CPPUNIT_ASSERT_EQUAL(std::string("gone special"), fixture.get("/api/v1/things/special", "", "DELETE").body);
        const RawAnswer nothing = fixture.get("/api/v1/nothing");
        CPPUNIT_ASSERT_EQUAL(404, nothing.status());
        CPPUNIT_ASSERT(nothing.body.find("/api") == std::string::npos); // what there is, is not told
        AdminServer server("127.0.0.1:0");
        const auto handler = [](const AdminRequest&) { return AdminAnswer(); };
        server.add({"GET", "/a/{b}", AdminRole::Read, handler});
        const std::vector<AdminOperation> wrong{
            {"GET", "/a/{b}", AdminRole::Read, handler},   {"TRACE", "/x", AdminRole::Read, handler},
            {"GET", "x", AdminRole::Read, handler},        {"GET", "/x/", AdminRole::Read, handler},
            {"GET", "/x", AdminRole::Read, nullptr},       {"GET", "/x", AdminRole::Read, handler, 5},
            {"GET", "/{a...}/x", AdminRole::Read, handler}};
        for (const AdminOperation& operation : wrong)
            CPPUNIT_ASSERT_THROW_MESSAGE(operation.path, server.add(operation), std::logic_error);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), server.operations().size());
    }

    void answersHaveTags() {
        Fixture fixture;
        const RawAnswer first = fixture.get("/api/v1/modules");
        const std::string tag = first.header("ETag");
        CPPUNIT_ASSERT(tag.size() > 20 && tag.front() == '"' && tag.back() == '"');
        CPPUNIT_ASSERT_EQUAL(tag, fixture.get("/api/v1/modules").header("ETag"));
        CPPUNIT_ASSERT_EQUAL(tag, fixture.get("/api/v1/modules", "", "HEAD").header("ETag"));
        CPPUNIT_ASSERT(tag != fixture.get("/api/v1/things/a").header("ETag"));
        for (const std::string& given : {tag, "\"x\", " + tag, "W/" + tag, std::string("*")}) {
            const RawAnswer same = fixture.get("/api/v1/modules", "If-None-Match: " + given + "\r\n");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(given, 304, same.status());
            CPPUNIT_ASSERT_EQUAL(tag, same.header("ETag"));
        }
        CPPUNIT_ASSERT_EQUAL(200, fixture.get("/api/v1/modules", "If-None-Match: \"x\"\r\n").status());
        CPPUNIT_ASSERT(fixture.get("/api/v1/nothing").header("ETag").empty());
        CPPUNIT_ASSERT(fixture.get("/api/v1/things/a", "", "DELETE").header("ETag").empty());
    }

    void bodies() {
        Fixture fixture;
        const std::string thing = "/api/v1/things/a";
        const std::string json = "Content-Type: application/json\r\n";
        CPPUNIT_ASSERT_EQUAL(std::string("a={} if \"x\""),
                             fixture.send("PUT", thing, json + "If-Match: \"x\"\r\n", "{}").body);
        CPPUNIT_ASSERT_EQUAL(200, fixture.send("PUT", thing, json, std::string(100000, ' ')).status());
        CPPUNIT_ASSERT_EQUAL(
            200, fixture.send("PUT", thing, "content-type: Application/JSON; charset=utf-8\r\n", "{}").status());
        CPPUNIT_ASSERT_EQUAL(200, fixture.get(thing, "", "PUT").status()); // nothing is an empty body
        CPPUNIT_ASSERT_EQUAL(200, fixture.send("PUT", thing, "", "").status());
        CPPUNIT_ASSERT_EQUAL(413, fixture.send("PUT", thing, json, std::string(100001, ' ')).status());
        CPPUNIT_ASSERT_EQUAL(413, fixture.send("PUT", thing, json, std::string(1 << 20, ' ')).status());
        for (const char* type :
             {"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n",
              "Content-Type: multipart/form-data; boundary=x\r\n", "Content-Type: text/json\r\n",
              "Content-Type: application/octet-stream\r\n", "Content-Type: application/jsonx\r\n",
              "Content-Type: text/plain; application/json\r\n"}) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(type, 415, fixture.send("PUT", thing, type, "{}").status());
            // Nor without a body: that, too, a page can send.
            if (*type != '\0')
                CPPUNIT_ASSERT_EQUAL_MESSAGE(type, 415, fixture.send("POST", "/api/v1/actions/x", type, "").status());
        }
        CPPUNIT_ASSERT_EQUAL(400, fixture.send("PUT", thing, json + json, "{}").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.send("DELETE", thing, json, "{}").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.send("GET", thing, json, "{}").status());
        CPPUNIT_ASSERT_EQUAL(
            411, fixture.get(thing, json + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "PUT").status());
        CPPUNIT_ASSERT_EQUAL(std::string("loopback"), fixture.get("/api/v1/actions/x", json, "POST").body);

        // What is only claimed costs nothing, and is refused before it comes.
        const auto start = Clock::now();
        CPPUNIT_ASSERT_EQUAL(413, fixture.get(thing, json + "Content-Length: 1073741824\r\n", "PUT").status());
        CPPUNIT_ASSERT_EQUAL(413, fixture.get(thing, json + "Content-Length: 999999999999999999\r\n", "PUT").status());
        CPPUNIT_ASSERT_EQUAL(400, fixture.get(thing, json + "Content-Length: 9999999999999999999\r\n", "PUT").status());
        CPPUNIT_ASSERT(Clock::now() - start < milliseconds(2500));

        // A body that ends early, and one that never does.
        RawClient half(fixture.server.port());
        const std::string head = "PUT " + thing + " HTTP/1.1\r\n" + fixture.host() + json;
        half.send(head + "Content-Length: 100\r\n\r\n{");
        half.finishSending();
        CPPUNIT_ASSERT_EQUAL(400, half.answer().status());
        RawClient slow(fixture.server.port());
        slow.send(head + "Content-Length: 100\r\n\r\n");
        const auto began = Clock::now();
        bool cut = false;
        while (!cut && Clock::now() - began < std::chrono::seconds(9)) {
            try {
                slow.send("x");
            } catch (const std::exception&) {
                break;
            }
            cut = slow.closedWithin(milliseconds(100));
        }
        CPPUNIT_ASSERT(Clock::now() - began < std::chrono::seconds(7));

        RawClient polite(fixture.server.port());
        polite.send(head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(100, polite.answer().status());
        polite.send("{}");
        CPPUNIT_ASSERT_EQUAL(200, polite.answer().status());
        RawClient refused(fixture.server.port());
        refused.send(head + "Expect: 100-continue\r\nContent-Length: 200000\r\n\r\n");
        CPPUNIT_ASSERT_EQUAL(413, refused.answer().status());
    }

    void archives() {
        Fixture fixture;
        const std::string type = "Content-Type: application/x-tar\r\n";
        CPPUNIT_ASSERT_EQUAL(std::string("700000"),
                             fixture.send("POST", "/api/v1/archive", type, std::string(700000, 'x')).body);
        CPPUNIT_ASSERT(!fixture.archive.empty() && !Poco::File(fixture.archive).exists());
        CPPUNIT_ASSERT_EQUAL(std::string("nothing"), fixture.send("POST", "/api/v1/archive", type, "").body);
        CPPUNIT_ASSERT_EQUAL(413, fixture.send("POST", "/api/v1/archive", type, std::string(1100000, 'x')).status());
        for (const char* wrong : {"", "Content-Type: text/plain\r\n", "Content-Type: multipart/form-data\r\n",
                                  "Content-Type: application/json\r\n"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(wrong, 415, fixture.send("POST", "/api/v1/archive", wrong, "x").status());

        // Two at a time; what is cut leaves no file and frees its place.
        const std::string head =
            "POST /api/v1/archive HTTP/1.1\r\n" + fixture.host() + type + "Content-Length: 500000\r\n\r\nx";
        {
            RawClient first(fixture.server.port());
            RawClient second(fixture.server.port());
            first.send(head);
            second.send(head);
            std::this_thread::sleep_for(milliseconds(300));
            const RawAnswer third = fixture.send("POST", "/api/v1/archive", type, "x");
            CPPUNIT_ASSERT_EQUAL(503, third.status());
        }
        // A place is free again soon after its answer; then both are taken by bodies that are still needed.
        const auto taken = [&] {
            for (int i = 0; i < 100; ++i) {
                if (fixture.send("POST", "/api/v1/archive", type, "x").status() == 200) return true;
                std::this_thread::sleep_for(milliseconds(50));
            }
            return false;
        };
        fixture.keeping = true;
        CPPUNIT_ASSERT(taken() && taken());
        for (int i = 0; i < 2; ++i)
            CPPUNIT_ASSERT_EQUAL(503, fixture.send("POST", "/api/v1/archive", type, "x").status());
        fixture.uploads.clear();
        CPPUNIT_ASSERT(taken());
    }

    void files() {
        Fixture fixture;
        const RawAnswer answer = fixture.get("/api/v1/export");
        CPPUNIT_ASSERT_EQUAL(std::string("application/x-tar"), answer.header("Content-Type"));
        CPPUNIT_ASSERT(std::string(300000, 'x') == answer.body);
        // The answer's end comes before the file's.
        for (int i = 0; i < 50 && Poco::File(fixture.exported).exists(); ++i)
            std::this_thread::sleep_for(milliseconds(50));
        CPPUNIT_ASSERT(!Poco::File(fixture.exported).exists());
        CPPUNIT_ASSERT_EQUAL(std::string("300000"), fixture.get("/api/v1/export", "", "HEAD").header("Content-Length"));
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
                 Row{"Host: localhost:" + port + "\r\nSec-Fetch-Site: cross-site\r\n", 403},
                 Row{"Host: localhost:" + port + "\r\nSec-Fetch-Site: same-site\r\n", 403},
                 Row{"Host: localhost:" + port + "\r\nSec-Fetch-Site: same-origin\r\n", 200},
                 Row{"Host: localhost:" + port + "\r\nSec-Fetch-Site: none\r\n", 200},
                 Row{"Host: localhost:" + port + "\r\nOrigin: http://localhost:" + port +
                         "\r\nOrigin: http://localhost:" + port + "\r\n",
                     400},
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
        for (const char* method : {"POST", "TRACE", "CONNECT", "OPTIONS", "PATCH", "TRACK", "DEBUG"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(method, 405, fixture.get("/api/v1/modules", "", method).status());
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
        const RawAnswer answer = fixture.get("/api/v1/wrong");
        CPPUNIT_ASSERT_EQUAL(404, answer.status());
        CPPUNIT_ASSERT_EQUAL(std::string("NAME_UNKNOWN"), errorCode(answer));
        CPPUNIT_ASSERT(answer.body.find("add a route") != std::string::npos);
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
        waiting.send("GET /api/v1/held HTTP/1.1\r\n" + fixture.host() + "\r\n");
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
