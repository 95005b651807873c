// SPDX-License-Identifier: Apache-2.0
// Who may do what at the admin port of the program as it is run.
#include "Rig.h"

#include "support/Certificate.h"
#include "support/TlsClient.h"
#include "wasmproxy/oci/StrictJson.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdio>

using namespace wasmproxy::test;

namespace {

const std::string ReadToken = "read-4c1f0a7be0d94c55";
const std::string OperateToken = "operate-93fd1be07a2c4e61";

struct Secured {
    Secured() {
        folder.write("read", "dashboard: " + ReadToken + "\n");
        folder.write("operate", OperateToken + "\n");
        folder.write("tls.crt", server.pem());
        folder.write("tls.key", server.keyPem());
        folder.write("clients.crt", clients.pem());
        Proxy::Options options{"registry.example.com"};
        const auto set = [&](const std::string& key, const std::string& value) {
            options.environment["WASM_PROXY__ADMIN__" + key] = value;
        };
        set("READ_TOKEN_FILE", folder / "read");
        set("OPERATE_TOKEN_FILE", folder / "operate");
        set("TLS_CERTIFICATE", folder / "tls.crt");
        set("TLS_KEY", folder / "tls.key");
        set("CLIENT_CA", folder / "clients.crt");
        set("READ_NAMES", "reader.example");
        set("OPERATE_NAMES", "operator.example");
        proxy = std::make_unique<Proxy>(options);
    }

    /// "200 {…}"; empty: there was no answer.
    std::string ask(const std::string& method, const std::string& target, const std::string& token,
                    const Certificate* own = nullptr) const {
        const TlsClient client(proxy->adminPort(), servers, own);
        try {
            const auto answer = client.exchange(
                method + " " + target + " HTTP/1.1\r\nHost: localhost:" + std::to_string(proxy->adminPort()) + "\r\n" +
                (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + "\r\n");
            return answer.substr(9, 3) + " " + answer.substr(answer.find("\r\n\r\n") + 4);
        } catch (const std::exception&) {
            return std::string();
        }
    }
    int status(const std::string& method, const std::string& target, const std::string& token,
               const Certificate* own = nullptr) const {
        const auto answer = ask(method, target, token, own);
        return answer.empty() ? 0 : std::stoi(answer.substr(0, 3));
    }

    void replace(const std::string& name, const std::string& content) const {
        const auto aside = folder.write(name + ".new", content);
        CPPUNIT_ASSERT_EQUAL(0, std::rename(aside.c_str(), (folder / name).c_str()));
    }

    TemporaryFolder folder;
    Certificate servers{{"servers"}};
    Certificate server{{"localhost"}, servers};
    Certificate clients{{"clients"}};
    Certificate reader{{"reader.example"}, clients};
    Certificate operates{{"operator.example"}, clients};
    std::unique_ptr<Proxy> proxy;
};

/// A path of that shape, of things that are not there.
std::string pathOf(std::string pattern) {
    for (auto open = pattern.find('{'); open != std::string::npos; open = pattern.find('{'))
        pattern.replace(open, pattern.find('}') - open + 1, "nothing");
    return pattern;
}

} // namespace

class AdminAccessScenarios : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AdminAccessScenarios);
    CPPUNIT_TEST(rolesOverEveryOperation);
    CPPUNIT_TEST(whatIsReplacedHolds);
    CPPUNIT_TEST(notOnOtherPorts);
    CPPUNIT_TEST(unprotectedIsRefused);
    CPPUNIT_TEST_SUITE_END();

public:
    void rolesOverEveryOperation() {
        const Secured secured;
        const auto listed = secured.ask("GET", "/api/v1", ReadToken);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(listed, std::string("200"), listed.substr(0, 3));
        const auto body = wasmproxy::StrictJson::parse(listed.substr(4), "answer", wasmproxy::ErrorCode::Internal);
        int read = 0;
        int operate = 0;
        for (const auto& each : body.at("items").items()) {
            const auto method = each.at("method").asString();
            const auto target = pathOf(each.at("path").asString());
            const bool open = each.at("role").asString() == "read";
            ++(open ? read : operate);
            const auto shown = method + " " + target;
            // What changes something is never for readers.
            CPPUNIT_ASSERT_MESSAGE(shown, !open || method == "GET");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(shown, 401, secured.status(method, target, ""));
            for (const bool certificate : {false, true}) {
                const auto asReader = secured.status(method, target, certificate ? "" : ReadToken,
                                                     certificate ? &secured.reader : nullptr);
                if (!open) CPPUNIT_ASSERT_EQUAL_MESSAGE(shown, 403, asReader);
                if (open) CPPUNIT_ASSERT_MESSAGE(shown, asReader != 401 && asReader != 403 && asReader != 0);
                const auto asOperator = secured.status(method, target, certificate ? "" : OperateToken,
                                                       certificate ? &secured.operates : nullptr);
                CPPUNIT_ASSERT_MESSAGE(shown, asOperator != 401 && asOperator != 403 && asOperator != 0);
            }
        }
        CPPUNIT_ASSERT_MESSAGE(listed, read >= 5 && operate >= 1);
        // Wrong ones last: after ten of them the address has to wait.
        CPPUNIT_ASSERT_EQUAL(401, secured.status("GET", "/api/v1", "wrong-4c1f0a7be0d94c55"));

        const auto log = secured.proxy->log();
        std::size_t audited = 0;
        for (auto at = log.find(" audit "); at != std::string::npos; at = log.find(" audit ", at + 1))
            ++audited;
        // By two readers, who were refused, and by two operators.
        CPPUNIT_ASSERT_EQUAL_MESSAGE(log, static_cast<std::size_t>(operate) * 4, audited);
        for (const auto& secret : {ReadToken, OperateToken, std::string("wrong-4c1f0a7be0d94c55")})
            CPPUNIT_ASSERT_MESSAGE(log, log.find(secret) == std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(log, log.find("actor=\"certificate operator.example\"") != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(log, log.find("actor=\"token dashboard\"") != std::string::npos);
    }

    void whatIsReplacedHolds() {
        const Secured secured;
        const std::string fresh = "operate-fresh-0011223344556677";
        CPPUNIT_ASSERT_EQUAL(200, secured.status("GET", "/api/v1", OperateToken));
        secured.replace("operate", OperateToken + "\n" + fresh + "\n");
        CPPUNIT_ASSERT_EQUAL(200, secured.status("GET", "/api/v1", OperateToken));
        CPPUNIT_ASSERT_EQUAL(200, secured.status("GET", "/api/v1", fresh));
        secured.replace("operate", fresh + "\n");
        CPPUNIT_ASSERT_EQUAL(401, secured.status("GET", "/api/v1", OperateToken));
        CPPUNIT_ASSERT_EQUAL(200, secured.status("GET", "/api/v1", fresh));

        const Certificate other({"localhost"}); // signs itself
        secured.replace("tls.crt", other.pem());
        CPPUNIT_ASSERT_EQUAL(200, secured.status("GET", "/api/v1", fresh)); // until the key is there
        secured.replace("tls.key", other.keyPem());
        CPPUNIT_ASSERT_EQUAL(0, secured.status("GET", "/api/v1", fresh));
        const TlsClient trusting(secured.proxy->adminPort(), other);
        CPPUNIT_ASSERT_EQUAL(std::string("HTTP/1.1 401"),
                             trusting
                                 .exchange("GET /api/v1 HTTP/1.1\r\nHost: localhost:" +
                                           std::to_string(secured.proxy->adminPort()) + "\r\n\r\n")
                                 .substr(0, 12));
    }

    void notOnOtherPorts() {
        const Secured secured;
        for (const std::string target : {"/api/v1", "/api/v1/plugins", "/fetch/../api/v1/plugins", "//api/v1/plugins",
                                         "/fetch/%2e%2e/api/v1/plugins", "/extensions/../api/v1/plugins"})
            for (const int port : {secured.proxy->dataPort(), secured.proxy->healthPort()}) {
                const auto answer = HttpClient(port).get(target, {{"Authorization", "Bearer " + OperateToken}});
                CPPUNIT_ASSERT_MESSAGE(target + " on " + std::to_string(port),
                                       answer.status >= 400 && answer.body.find("plugins") == std::string::npos);
            }
        CPPUNIT_ASSERT_EQUAL(200, secured.proxy->health("/readyz").status); // asks for nothing
        CPPUNIT_ASSERT_EQUAL(200, secured.proxy->health("/metrics").status);
    }

    void unprotectedIsRefused() {
        TemporaryFolder folder;
        const std::string rest =
            "[cache.main]\ndirectory = " + folder.path() + "/blobs\n[index]\npath = " + folder.path() + "/index.db\n";
        const auto check = [&](const std::string& admin) {
            Child::Options options;
            options.outputFile = folder / "output";
            std::remove(options.outputFile.c_str());
            Child child(BUILD_ROOT "/bin/wasm-proxy",
                        {"--check-config", "--config=" + folder.write("c.ini", "[admin]\n" + admin + "\n" + rest)},
                        options);
            const auto code = child.wait(std::chrono::seconds(20));
            return std::to_string(code.value_or(-1)) + " " + readFile(options.outputFile);
        };
        const auto assertRefused = [&](const std::string& admin, const std::string& why) {
            const auto output = check(admin);
            CPPUNIT_ASSERT_MESSAGE(output, output.compare(0, 2, "0 ") != 0 && output.find(why) != std::string::npos);
        };
        const auto token = folder.write("token", OperateToken);
        const auto good = check("listen = 127.0.0.1:8081\noperate-token-file = " + token);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(good, std::string("0 "), good.substr(0, 2));
        assertRefused("listen = 0.0.0.0:8081", "admin.listen");
        assertRefused("listen = 0.0.0.0:8081\noperate-token-file = " + token, "in the clear");
        assertRefused("operate-token-file = " + folder.write("short", "hunter2"), "at least 16 bytes");
        assertRefused("operate-token-file = " + (folder / "missing"), "admin.operate-token-file");
        assertRefused("operate-token-file = token", "absolute");
        const auto meshed = check("listen = 0.0.0.0:8081\nplain-http = true\noperate-token-file = " + token);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(meshed, std::string("0 "), meshed.substr(0, 2));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(AdminAccessScenarios);
