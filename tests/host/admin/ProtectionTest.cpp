// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminServer.h"
#include "observe/Log.h"
#include "support/Certificate.h"
#include "support/RawClient.h"
#include "support/TemporaryFolder.h"
#include "support/TlsClient.h"
#include "wasmproxy/oci/Error.h"

#include <cppunit/extensions/HelperMacros.h>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <set>
#include <unistd.h>

namespace wasmproxy::host::test {

namespace {

using std::chrono::seconds;
using wasmproxy::test::Certificate;
using wasmproxy::test::TemporaryFolder;
using wasmproxy::test::TlsClient;

const std::string ReadToken = "read-0123456789abcdef";
const std::string OperateToken = "operate-0123456789abcdef";

/// What a server over TLS with every way in needs. Keys take a while, so they are made once.
struct Authorities {
    Certificate servers{{"servers"}};
    Certificate own{{"localhost"}, servers};
    Certificate renewed{{"localhost"}, servers};
    Certificate clients{{"clients"}};
    Certificate reader{{"reader.example"}, clients};
    Certificate operates{{"robot", "operator.example"}, clients}; // known by its alternative name
    Certificate unnamed{{"somebody"}, clients};
    Certificate forged{{"operator.example"}, servers};

    static const Authorities& get() {
        static const Authorities made;
        return made;
    }
};

AdminOptions withTokens(const TemporaryFolder& folder) {
    AdminOptions options;
    options.listen = "127.0.0.1:0";
    options.readTokenFile = folder.write("read", ReadToken + "\n");
    options.operateTokenFile = folder.write("operate", "# two while one is replaced\nalice: " + OperateToken + "\n\n" +
                                                           "bob:" + OperateToken + "2\r\n");
    options.uploadDirectory = folder.path();
    return options;
}

AdminOptions withTls(const TemporaryFolder& folder) {
    const Authorities& all = Authorities::get();
    AdminOptions options = withTokens(folder);
    options.tlsCertificate = folder.write("tls.crt", all.own.pem());
    options.tlsKey = folder.write("tls.key", all.own.keyPem());
    options.clientCa = folder.write("ca.crt", all.clients.pem());
    options.readNames = {"reader.example"};
    options.operateNames = {"nobody", "operator.example"};
    return options;
}

void addOperations(AdminServer& server) {
    const auto tell = [](const AdminRequest& request) {
        AdminAnswer answer;
        answer.body = request.actor + (request.role == AdminRole::Operate ? " operates" : " reads");
        return answer;
    };
    for (const AdminRole role : {AdminRole::Read, AdminRole::Operate})
        for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
            const std::string path = role == AdminRole::Read ? "/api/v1/open/" : "/api/v1/closed/";
            server.add({method, path + "{name}", role, tell, method[0] == 'P' ? 1000u : 0u});
        }
    server.add({"POST", "/api/v1/archive", AdminRole::Operate, tell, 1000, true});
}

std::string bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
}

int statusOf(const std::string& answer) {
    return answer.compare(0, 9, "HTTP/1.1 ") == 0 ? std::stoi(answer.substr(9, 3)) : 0;
}

struct Way {
    const char* name;
    std::string headers;
    const Certificate* certificate;
    int read;    ///< status of an operation for Read
    int operate; ///< and for Operate
};

std::string request(const std::string& method, const std::string& path, const std::string& headers, int port) {
    return method + " " + path + " HTTP/1.1\r\nHost: localhost:" + std::to_string(port) + "\r\n" + headers + "\r\n";
}

std::string problemOf(const AdminOptions& options) {
    try {
        AdminServer::check(options);
    } catch (const Error& error) {
        CPPUNIT_ASSERT(error.code() == ErrorCode::SettingsInvalid);
        CPPUNIT_ASSERT_THROW(AdminServer{options}, Error);
        return error.what();
    }
    AdminServer{options};
    return {};
}

void assertHas(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE(part + " is not in: " + text, text.find(part) != std::string::npos);
}

/// Standard error of this process, while it stands, in a file.
class CaughtLog {
public:
    explicit CaughtLog(const std::string& path) : _path(path), _kept(::dup(2)) {
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        ::dup2(file, 2);
        ::close(file);
    }
    ~CaughtLog() {
        ::dup2(_kept, 2);
        ::close(_kept);
    }
    CaughtLog(const CaughtLog&) = delete;
    CaughtLog& operator=(const CaughtLog&) = delete;
    std::string text() const { return wasmproxy::test::readFile(_path); }

private:
    std::string _path;
    int _kept;
};

} // namespace

class ProtectionTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ProtectionTest);
    CPPUNIT_TEST(everyOperationForEveryActor);
    CPPUNIT_TEST(refusalsTellNothing);
    CPPUNIT_TEST(schemesAndSpellings);
    CPPUNIT_TEST(tokensAreReplaced);
    CPPUNIT_TEST(tokenFilesAreChecked);
    CPPUNIT_TEST(wrongTokensAreSlowed);
    CPPUNIT_TEST(attemptsAreBounded);
    CPPUNIT_TEST(certificatesAreReplaced);
    CPPUNIT_TEST(optionsAreChecked);
    CPPUNIT_TEST(otherHostsAndOrigins);
    CPPUNIT_TEST(formsChangeNothing);
    CPPUNIT_TEST(changesAreAudited);
    CPPUNIT_TEST_SUITE_END();

public:
    void everyOperationForEveryActor() {
        const Authorities& all = Authorities::get();
        TemporaryFolder folder;
        AdminServer server(withTls(folder));
        addOperations(server);
        server.start();
        const std::vector<Way> ways{
            {"nothing", "", nullptr, 401, 401},
            {"read token", bearer(ReadToken), nullptr, 200, 403},
            {"operate token", bearer(OperateToken), nullptr, 200, 200},
            {"second operate token", bearer(OperateToken + "2"), nullptr, 200, 200},
            {"reader's certificate", "", &all.reader, 200, 403},
            {"operator's certificate", "", &all.operates, 200, 200},
            {"certificate of nobody", "", &all.unnamed, 403, 403},
            {"reader's certificate, operate token", bearer(OperateToken), &all.reader, 200, 200},
            {"operator's certificate, read token", bearer(ReadToken), &all.operates, 200, 200},
            {"certificate of nobody, read token", bearer(ReadToken), &all.unnamed, 200, 403},
        };
        std::size_t asked = 0;
        for (const AdminOperation& operation : server.operations()) {
            std::string path = operation.path;
            if (const auto name = path.find("{name}"); name != std::string::npos) path.replace(name, 6, "x");
            for (const Way& way : ways) {
                const TlsClient client(server.port(), all.servers, way.certificate);
                const std::string answer = client.exchange(request(operation.method, path, way.headers, server.port()));
                const int expected = operation.role == AdminRole::Read ? way.read : way.operate;
                CPPUNIT_ASSERT_EQUAL_MESSAGE(operation.method + " " + path + " with " + way.name, expected,
                                             statusOf(answer));
                ++asked;
            }
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t(90), asked);
        // A wrong token is wrong whatever else is shown.
        for (const Certificate* certificate : {static_cast<const Certificate*>(nullptr), &all.operates}) {
            const TlsClient client(server.port(), all.servers, certificate);
            CPPUNIT_ASSERT_EQUAL(
                401, statusOf(client.exchange(request("GET", "/api/v1/open/x", bearer("wrong"), server.port()))));
        }
        // A certificate of another authority is no certificate.
        const TlsClient forger(server.port(), all.servers, &all.forged);
        CPPUNIT_ASSERT_THROW(forger.exchange(request("GET", "/api/v1/open/x", "", server.port())), std::runtime_error);
        // And who they are is known by name.
        const auto actor = [&](const std::string& headers, const Certificate* certificate) {
            const std::string answer = TlsClient(server.port(), all.servers, certificate)
                                           .exchange(request("GET", "/api/v1/open/x", headers, server.port()));
            return answer.substr(answer.find("\r\n\r\n") + 4);
        };
        CPPUNIT_ASSERT_EQUAL(std::string("token read reads"), actor(bearer(ReadToken), nullptr));
        CPPUNIT_ASSERT_EQUAL(std::string("token alice operates"), actor(bearer(OperateToken), nullptr));
        CPPUNIT_ASSERT_EQUAL(std::string("token bob operates"), actor(bearer(OperateToken + "2"), nullptr));
        CPPUNIT_ASSERT_EQUAL(std::string("certificate operator.example operates"), actor("", &all.operates));
        CPPUNIT_ASSERT_EQUAL(std::string("certificate reader.example reads"), actor("", &all.reader));
        // Plain HTTP to a port that speaks TLS is no answer, and disturbs nobody.
        RawClient plain(server.port());
        plain.send(request("GET", "/api/v1/open/x", bearer(OperateToken), server.port()));
        CPPUNIT_ASSERT(plain.closedWithin(std::chrono::milliseconds(3000)));
        CPPUNIT_ASSERT_EQUAL(std::string("token read reads"), actor(bearer(ReadToken), nullptr));
    }

    void refusalsTellNothing() {
        TemporaryFolder folder;
        AdminServer server(withTokens(folder));
        addOperations(server);
        server.start();
        const auto ask = [&](const std::string& method, const std::string& path, const std::string& headers) {
            RawClient client(server.port());
            client.send(request(method, path, headers, server.port()));
            return client.answer(method == "HEAD");
        };
        const RawAnswer without = ask("GET", "/api/v1/open/x", "");
        CPPUNIT_ASSERT_EQUAL(401, without.status());
        CPPUNIT_ASSERT_EQUAL(std::string("Bearer realm=\"wasm-proxy admin\""), without.header("WWW-Authenticate"));
        // What there is, which methods it has and what it takes is for those who may come in.
        const std::string json = "Content-Type: application/json\r\nContent-Length: 1000000\r\n";
        for (const auto& [method, path, headers] :
             std::vector<std::tuple<std::string, std::string, std::string>>{{"GET", "/api/v1/nothing", ""},
                                                                            {"PATCH", "/api/v1/open/x", ""},
                                                                            {"TRACE", "/api/v1/open/x", ""},
                                                                            {"OPTIONS", "/api/v1/open/x", ""},
                                                                            {"PUT", "/api/v1/open/x", json},
                                                                            {"HEAD", "/api/v1/closed/x", ""},
                                                                            {"GET", "/api/v1/../x", ""}})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(method + path, 401, ask(method, path, headers).status());
        const RawAnswer wrong = ask("GET", "/api/v1/open/x", bearer("wrong-0123456789abcdef"));
        CPPUNIT_ASSERT_EQUAL(401, wrong.status());
        assertHas(wrong.header("WWW-Authenticate"), "error=\"invalid_token\"");
        CPPUNIT_ASSERT(wrong.body.find("wrong-") == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(405, ask("TRACE", "/api/v1/open/x", bearer(OperateToken)).status());
        CPPUNIT_ASSERT_EQUAL(405, ask("CONNECT", "/api/v1/open/x", bearer(OperateToken)).status());
        CPPUNIT_ASSERT_EQUAL(404, ask("GET", "/api/v1/nothing", bearer(ReadToken)).status());
        CPPUNIT_ASSERT_EQUAL(403, ask("PUT", "/api/v1/closed/x", bearer(ReadToken) + json).status());
        CPPUNIT_ASSERT_EQUAL(403, ask("HEAD", "/api/v1/closed/x", bearer(ReadToken)).status());
    }

    void schemesAndSpellings() {
        TemporaryFolder folder;
        AdminServer server(withTokens(folder));
        addOperations(server);
        server.start();
        const auto ask = [&](const std::string& headers) {
            RawClient client(server.port());
            client.send(request("GET", "/api/v1/open/x", headers, server.port()));
            return client.answer().status();
        };
        CPPUNIT_ASSERT_EQUAL(200, ask("authorization: bearer " + ReadToken + "\r\n"));
        CPPUNIT_ASSERT_EQUAL(400, ask(bearer(ReadToken) + bearer(ReadToken)));
        for (const std::string& value : std::vector<std::string>{
                 "Basic cmVhZA==", "Bearer", "Bearer ", "Bearer: " + ReadToken, "Bearer " + ReadToken + "x",
                 "Bearer " + ReadToken.substr(1), "Bearer " + ReadToken + ", " + OperateToken, ReadToken})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(value, 401, ask("Authorization: " + value + "\r\n"));
        CPPUNIT_ASSERT_EQUAL(401, ask("X-Api-Key: " + ReadToken + "\r\n"));
        CPPUNIT_ASSERT_EQUAL(401, ask("Cookie: token=" + ReadToken + "\r\n"));
    }

    void tokensAreReplaced() {
        TemporaryFolder folder;
        AdminServer server(withTokens(folder));
        addOperations(server);
        server.start();
        const auto ask = [&](const std::string& token) {
            RawClient client(server.port());
            client.send(request("GET", "/api/v1/open/x", bearer(token), server.port()));
            return client.answer().status();
        };
        const auto replace = [&](const std::string& content) {
            folder.write("new", content);
            std::rename((folder / "new").c_str(), (folder / "operate").c_str());
        };
        const std::string fresh = "fresh-0123456789abcdef";
        replace(OperateToken + "\n" + fresh + "\n");
        CPPUNIT_ASSERT_EQUAL(200, ask(OperateToken));
        CPPUNIT_ASSERT_EQUAL(200, ask(fresh));
        replace(fresh + "\n");
        CPPUNIT_ASSERT_EQUAL(401, ask(OperateToken));
        CPPUNIT_ASSERT_EQUAL(200, ask(fresh));
        // What cannot be used lets nobody in; the other file still does.
        replace("short\n");
        CPPUNIT_ASSERT_EQUAL(401, ask(fresh));
        CPPUNIT_ASSERT_EQUAL(401, ask("short"));
        CPPUNIT_ASSERT_EQUAL(200, ask(ReadToken));
        std::remove((folder / "operate").c_str());
        CPPUNIT_ASSERT_EQUAL(401, ask(fresh));
        folder.write("operate", fresh);
        CPPUNIT_ASSERT_EQUAL(200, ask(fresh));
    }

    void tokenFilesAreChecked() {
        TemporaryFolder folder;
        const auto problem = [&](const std::string& content) {
            try {
                TokenFile("admin.read-token-file", folder.write("tokens", content), "read");
            } catch (const Error& error) {
                const std::string text = error.what();
                CPPUNIT_ASSERT_EQUAL(std::size_t(0), text.find("admin.read-token-file: " + (folder / "tokens")));
                CPPUNIT_ASSERT(text.find("hunter2") == std::string::npos);
                return text;
            }
            return std::string();
        };
        assertHas(problem(""), "no token");
        assertHas(problem("# nothing\n\n"), "no token");
        assertHas(problem("0123456789abcdef\nhunter2hunter2\n"), "line 2: a token has at least 16 bytes");
        assertHas(problem("a: hunter2hunter2"), "at least 16");
        assertHas(problem("hunter2 hunter2 hunter2\n"), "letters");
        assertHas(problem(": hunter2hunter2hunter2\n"), "the name");
        assertHas(problem("a b: hunter2hunter2hunter2\n"), "the name");
        assertHas(problem(std::string(70000, 'a')), "64 KiB");
        assertHas(problem(std::string(5000, 'a')), "4096");
        std::string many;
        for (int i = 0; i < 65; ++i)
            many += "0123456789abcdef" + std::to_string(i) + "\n";
        assertHas(problem(many), "more than 64");
        CPPUNIT_ASSERT_EQUAL(std::string(), problem("  0123456789ABCdef  \r\n"));
        CPPUNIT_ASSERT_EQUAL(std::string(), problem("alice:\t0123-._~+/=abcdef"));
        CPPUNIT_ASSERT_THROW(TokenFile("k", folder / "missing", "n"), Error);
        CPPUNIT_ASSERT_THROW(TokenFile("k", folder.path(), "n"), Error);
    }

    void wrongTokensAreSlowed() {
        TemporaryFolder folder;
        AdminServer server(withTokens(folder));
        addOperations(server);
        server.start();
        const auto ask = [&](const std::string& headers) {
            RawClient client(server.port());
            client.send(request("GET", "/api/v1/open/x", headers, server.port()));
            return client.answer();
        };
        for (int i = 0; i < 20; ++i)
            CPPUNIT_ASSERT_EQUAL(401, ask("").status()); // nothing was guessed
        for (int i = 0; i < FailedAttempts::Burst; ++i)
            CPPUNIT_ASSERT_EQUAL(401, ask(bearer("wrong-0123456789" + std::to_string(i))).status());
        const RawAnswer refused = ask(bearer("wrong"));
        CPPUNIT_ASSERT_EQUAL(429, refused.status());
        const int wait = std::stoi(refused.header("Retry-After"));
        CPPUNIT_ASSERT(wait >= 1 && wait <= FailedAttempts::Recovery.count());
        // Or the limit would tell which guess is right.
        CPPUNIT_ASSERT_EQUAL(429, ask(bearer(ReadToken)).status());
        CPPUNIT_ASSERT_EQUAL(401, ask("").status());
    }

    void attemptsAreBounded() {
        FailedAttempts attempts;
        const auto start = FailedAttempts::Clock::now();
        const std::string address = "10.0.0.1";
        for (int i = 0; i < FailedAttempts::Burst; ++i) {
            CPPUNIT_ASSERT(attempts.waitOf(address, start) == seconds(0));
            attempts.failed(address, start);
        }
        CPPUNIT_ASSERT(attempts.waitOf(address, start) == seconds(6));
        for (int i = 0; i < 100; ++i)
            attempts.failed(address, start); // that were under way
        CPPUNIT_ASSERT(attempts.waitOf(address, start) == seconds(6));
        CPPUNIT_ASSERT(attempts.waitOf("10.0.0.2", start) == seconds(0));
        CPPUNIT_ASSERT(attempts.waitOf(address, start + seconds(6)) == seconds(0));
        attempts.failed(address, start + seconds(6));
        CPPUNIT_ASSERT(attempts.waitOf(address, start + seconds(7)) == seconds(5));
        CPPUNIT_ASSERT(attempts.waitOf(address, start + seconds(70)) == seconds(0));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), attempts.size());

        for (int i = 0; i < FailedAttempts::Burst; ++i)
            attempts.failed("2001:db8:0:1::" + std::to_string(i), start);
        CPPUNIT_ASSERT(attempts.waitOf("2001:db8:0:1:ffff::1", start) > seconds(0));
        CPPUNIT_ASSERT(attempts.waitOf("2001:db8:0:2::1", start) == seconds(0));
        for (int i = 0; i < 5000; ++i)
            attempts.failed("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250), start);
        CPPUNIT_ASSERT(attempts.size() <= FailedAttempts::MaxAddresses);
        // Who failed most is not forgotten for those.
        CPPUNIT_ASSERT(attempts.waitOf("2001:db8:0:1::1", start) > seconds(0));
    }

    void certificatesAreReplaced() {
        const Authorities& all = Authorities::get();
        TemporaryFolder folder;
        AdminServer server(withTls(folder));
        addOperations(server);
        server.start();
        const auto ask = [&](const Certificate& authority, const Certificate* own) {
            try {
                return statusOf(TlsClient(server.port(), authority, own)
                                    .exchange(request("GET", "/api/v1/open/x", "", server.port())));
            } catch (const std::exception&) {
                return 0;
            }
        };
        CPPUNIT_ASSERT_EQUAL(200, ask(all.servers, &all.reader));
        // Half of it: what was read stays in force.
        folder.write("tls.crt", all.renewed.pem());
        CPPUNIT_ASSERT_EQUAL(200, ask(all.servers, &all.reader));
        folder.write("tls.key", all.renewed.keyPem());
        CPPUNIT_ASSERT_EQUAL(200, ask(all.servers, &all.reader));
        folder.write("tls.crt", all.clients.pem()); // another authority's, to see that it changes
        folder.write("tls.key", all.clients.keyPem());
        CPPUNIT_ASSERT_EQUAL(0, ask(all.servers, &all.reader));
        folder.write("tls.crt", "nonsense");
        CPPUNIT_ASSERT_EQUAL(0, ask(all.servers, &all.reader));
        folder.write("tls.crt", all.own.pem());
        folder.write("tls.key", all.own.keyPem());
        CPPUNIT_ASSERT_EQUAL(200, ask(all.servers, &all.reader));
        folder.write("ca.crt", all.servers.pem()); // clients of another authority from now on
        CPPUNIT_ASSERT_EQUAL(0, ask(all.servers, &all.reader));
        CPPUNIT_ASSERT_EQUAL(200, ask(all.servers, &all.forged));
    }

    void optionsAreChecked() {
        TemporaryFolder folder;
        const AdminOptions good = withTls(folder);
        CPPUNIT_ASSERT_EQUAL(std::string(), problemOf(good));
        const auto changed = [&](AdminOptions options, const std::function<void(AdminOptions&)>& change) {
            change(options);
            return problemOf(options);
        };
        const auto wrong = [&](const std::function<void(AdminOptions&)>& change) { return changed(good, change); };
        assertHas(wrong([](auto& o) { o.tlsKey = ""; }), "admin.tls-key: is missing");
        assertHas(wrong([](auto& o) { o.tlsCertificate = ""; }), "admin.tls-certificate: is missing");
        assertHas(wrong([](auto& o) { o.tlsCertificate = o.tlsKey = ""; }), "admin.client-ca: ");
        assertHas(wrong([](auto& o) { o.clientCa = ""; }), "admin.client-ca: is missing");
        assertHas(wrong([](auto& o) { o.readNames = o.operateNames = {}; }), "no certificate would be let in");
        assertHas(wrong([](auto& o) { std::swap(o.tlsCertificate, o.tlsKey); }), "admin.tls-certificate: ");
        assertHas(wrong([&](auto& o) { o.tlsKey = folder.write("o.key", Authorities::get().renewed.keyPem()); }),
                  "admin.tls-key: ");
        assertHas(wrong([](auto& o) { o.clientCa = o.tlsKey; }), "admin.client-ca: ");
        assertHas(wrong([&](auto& o) { o.tlsCertificate = folder / "missing"; }), "does not exist");
        assertHas(wrong([&](auto& o) { o.readTokenFile = folder / "missing"; }), "admin.read-token-file: ");
        assertHas(wrong([&](auto& o) { o.operateTokenFile = folder.write("s", "short"); }), "at least 16 bytes");

        AdminOptions tokens = withTokens(folder);
        tokens.listen = "0.0.0.0:0";
        assertHas(problemOf(tokens), "in the clear");
        tokens.plainHttp = true;
        CPPUNIT_ASSERT_EQUAL(std::string(), problemOf(tokens));
        AdminOptions none;
        none.listen = "[::]:0";
        assertHas(problemOf(none), "nothing protects it");
        none.plainHttp = true;
        assertHas(problemOf(none), "nothing protects it");
        CPPUNIT_ASSERT_EQUAL(std::string(), changed(good, [](auto& o) { o.listen = "0.0.0.0:0"; }));
    }

    void otherHostsAndOrigins() {
        TemporaryFolder folder;
        AdminOptions options = withTokens(folder);
        options.hosts = {"proxy.example", "localhost:9000"};
        options.origins = {"https://console.example"};
        options.listen = "0.0.0.0:0"; // so that the address that was dialled may be named
        options.plainHttp = true;
        AdminServer server(options);
        addOperations(server);
        server.start();
        const std::string port = std::to_string(server.port());
        for (const auto& [headers, status] : std::vector<std::pair<std::string, int>>{
                 {"Host: proxy.example", 200},
                 {"Host: Proxy.Example:8443", 200},
                 {"Host: localhost:9000", 200},
                 {"Host: localhost:9001", 403},
                 {"Host: 127.0.0.1:" + port, 200},
                 {"Host: 10.0.0.1:" + port, 403},
                 {"Host: evil.example:" + port, 403},
                 {"Host: proxy.example.evil.example", 403},
                 {"Host: xproxy.example", 403},
                 {"Host: ", 403},
                 {"Host: proxy.example\r\nOrigin: https://console.example", 200},
                 {"Host: proxy.example\r\nOrigin: https://console.example\r\nSec-Fetch-Site: cross-site", 200},
                 {"Host: proxy.example\r\nOrigin: http://console.example", 403},
                 {"Host: proxy.example\r\nOrigin: https://console.example:8443", 403},
                 {"Host: proxy.example\r\nOrigin: null", 403},
                 {"Host: proxy.example\r\nOrigin: https://evil.example", 403}}) {
            RawClient client(server.port());
            client.send("POST /api/v1/closed/x HTTP/1.1\r\n" + headers + "\r\n" + bearer(OperateToken) + "\r\n");
            const RawAnswer answer = client.answer();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(headers, status, answer.status());
            CPPUNIT_ASSERT(answer.head.find("Access-Control") == std::string::npos);
        }
        // A socket of IPv6 that serves IPv4, too, names callers as one of IPv4 would.
        options.listen = "[::]:0";
        AdminServer both(options);
        both.add({"GET", "/api/v1/caller", AdminRole::Read, [](const AdminRequest& asked) {
                      AdminAnswer answer;
                      answer.body = asked.caller;
                      return answer;
                  }});
        both.start();
        RawClient client(both.port());
        client.send("GET /api/v1/caller HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(both.port()) + "\r\n" +
                    bearer(ReadToken) + "\r\n");
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1"), client.answer().body);
    }

    /// What a page can make the browser of an operator send to a port that asks for nothing.
    void formsChangeNothing() {
        AdminServer server("127.0.0.1:0");
        std::set<std::string> called;
        const auto note = [&](const AdminRequest& request) {
            called.insert(request.method);
            return AdminAnswer();
        };
        server.add({"GET", "/api/v1/things", AdminRole::Read, note});
        server.add({"POST", "/api/v1/things", AdminRole::Operate, note, 1000});
        server.add({"DELETE", "/api/v1/things", AdminRole::Operate, note});
        server.start();
        const auto ask = [&](const std::string& method, const std::string& headers, const std::string& body) {
            RawClient client(server.port());
            client.send(
                request(method, "/api/v1/things",
                        headers + (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n"),
                        server.port()) +
                body);
            return client.answer().status();
        };
        for (const char* type : {"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"})
            for (const char* body : {"", "{\"a\": \"=\"}"})
                CPPUNIT_ASSERT_EQUAL(415, ask("POST", std::string("Content-Type: ") + type + "\r\n", body));
        CPPUNIT_ASSERT_EQUAL(403, ask("POST", "Origin: https://evil.example\r\n", ""));
        CPPUNIT_ASSERT_EQUAL(403, ask("POST", "Origin: null\r\n", ""));
        CPPUNIT_ASSERT(called.empty());
        for (const char* header : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"})
            CPPUNIT_ASSERT_EQUAL(200, ask("GET", std::string(header) + ": DELETE\r\n", ""));
        CPPUNIT_ASSERT(called == std::set<std::string>{"GET"});
        CPPUNIT_ASSERT_EQUAL(200, ask("POST", "X-HTTP-Method-Override: DELETE\r\n", ""));
        CPPUNIT_ASSERT((called == std::set<std::string>{"GET", "POST"}));
    }

    void changesAreAudited() {
        TemporaryFolder folder;
        configureLog("error", "text"); // which does not hide the audit
        AdminServer server(withTokens(folder));
        addOperations(server);
        server.add({"POST", "/api/v1/job", AdminRole::Operate, [](const AdminRequest&) {
                        AdminAnswer answer;
                        answer.status = 202;
                        answer.job = "17";
                        answer.audited = "r.example.com/team/app:v1";
                        return answer;
                    }});
        server.start();
        const auto ask = [&](const std::string& method, const std::string& path, const std::string& headers,
                             const std::string& body = "") {
            RawClient client(server.port());
            client.send(request(method, path, headers, server.port()) + body);
            return client.answer().header("X-Request-Id");
        };
        std::string text;
        std::string id;
        {
            const CaughtLog log(folder / "log");
            id = ask("PUT", "/api/v1/closed/x?secret=hunter2",
                     bearer(OperateToken) + "Content-Type: application/json\r\nContent-Length: 9\r\n", "\"hunter2\"");
            ask("POST", "/api/v1/job", bearer(OperateToken + "2"));
            ask("DELETE", "/api/v1/closed/y", bearer(ReadToken));
            ask("GET", "/api/v1/open/z", bearer(ReadToken));
            ask("GET", "/api/v1/open/z", bearer("hunter2hunter2hunter2"));
            text = log.text();
        }
        assertHas(text, "audit actor=\"token alice\" address=127.0.0.1 method=PUT path=/api/v1/closed/x request=" + id +
                            " status=200");
        assertHas(text, "path=/api/v1/job object=r.example.com/team/app:v1");
        assertHas(text, "status=202 job=17");
        assertHas(text, "audit actor=\"token read\" address=127.0.0.1 method=DELETE path=/api/v1/closed/y");
        std::size_t lines = 0;
        for (auto at = text.find("audit "); at != std::string::npos; at = text.find("audit ", at + 1))
            ++lines;
        CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::size_t(3), lines);
        for (const std::string& secret : {std::string("hunter2"), ReadToken, OperateToken})
            CPPUNIT_ASSERT_MESSAGE(text, text.find(secret) == std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProtectionTest);

} // namespace wasmproxy::host::test
