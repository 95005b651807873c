// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/ApiResource.h"
#include "wasmproxy/kubernetes/ClusterAccess.h"

#include "support/ExpectError.h"
#include "support/TemporaryFolder.h"

#include <cppunit/extensions/HelperMacros.h>

#include <vector>

namespace wasmproxy::test {
namespace {

using namespace kubernetes;

const std::string Head = "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
                         "contexts:\n- name: here\n  context: {cluster: c, user: u, namespace: istio-system}\n";

std::string kubeconfig(const std::string& cluster, const std::string& user) {
    return Head + "clusters:\n- name: other\n  cluster: {server: 'https://other:1'}\n- name: c\n  cluster: {" +
           cluster + "}\nusers:\n- name: u\n  user: {" + user + "}\n";
}

class ClusterConfigTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ClusterConfigTest);
    CPPUNIT_TEST(readsAKubeconfig);
    CPPUNIT_TEST(readsJson);
    CPPUNIT_TEST(refusesWhatItDoesNotDo);
    CPPUNIT_TEST(readsThePodsOwn);
    CPPUNIT_TEST(saysThatItIsInNoPod);
    CPPUNIT_TEST(readsTheTokenAgain);
    CPPUNIT_TEST(aLostFileLeavesWhatItHeld);
    CPPUNIT_TEST(namesAndPaths);
    CPPUNIT_TEST_SUITE_END();

public:
    void readsAKubeconfig() {
        const auto path = _folder.write(
            "config", kubeconfig("server: 'https://10.0.0.1:6443/', certificate-authority-data: Y2E=",
                                 "tokenFile: secrets/token, client-certificate-data: Y2VydA==, client-key: /k.pem"));
        const auto config = ClusterConfig::fromKubeconfig(path);
        CPPUNIT_ASSERT_EQUAL(std::string("https://10.0.0.1:6443"), config.server);
        CPPUNIT_ASSERT_EQUAL(std::string("istio-system"), config.nameSpace);
        CPPUNIT_ASSERT_EQUAL(std::string("ca"), std::string(config.authorities.text.reveal()));
        CPPUNIT_ASSERT_EQUAL(std::string("cert"), std::string(config.certificate.text.reveal()));
        CPPUNIT_ASSERT_EQUAL(std::string("/k.pem"), config.key.path);
        CPPUNIT_ASSERT_EQUAL(_folder / "secrets/token", config.token.path);
        const auto plain = _folder.write("plain", kubeconfig("server: 'http://127.0.0.1:8001'", "token: t0k"));
        CPPUNIT_ASSERT_EQUAL(std::string("t0k"), std::string(ClusterConfig::fromKubeconfig(plain).token.text.reveal()));
    }

    void readsJson() {
        const auto path = _folder.write("config", R"({"current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://[fd00::1]:6443"}}], "users": null})");
        const auto config = ClusterConfig::fromKubeconfig(path);
        CPPUNIT_ASSERT_EQUAL(std::string("https://[fd00::1]:6443"), config.server);
        CPPUNIT_ASSERT(config.token.empty() && config.nameSpace.empty() && config.authorities.empty());
    }

    void refusesWhatItDoesNotDo() {
        const std::string good = "server: 'https://a:1'";
        const std::vector<std::pair<std::string, std::string>> rows = {
            {kubeconfig(good, "exec: {command: aws}"), "users[u].user.exec is not supported"},
            {kubeconfig(good, "auth-provider: {name: gcp}"), "users[u].user.auth-provider"},
            {kubeconfig(good, "username: a, password: hunter2"), "users[u].user.username"},
            {kubeconfig(good, "token: t, as: admin"), "users[u].user.as "},
            {kubeconfig(good, "client-key-data: Y2E="), "users[u].user.client-certificate is missing"},
            {kubeconfig(good, "client-key-data: '%%', client-certificate: /c"), "client-key-data is not base64"},
            {kubeconfig(good + ", insecure-skip-tls-verify: true", ""), "clusters[c].cluster.insecure-skip-tls-verify"},
            {kubeconfig(good + ", tls-server-name: b", ""), "clusters[c].cluster.tls-server-name"},
            {kubeconfig(good + ", proxy-url: 'http://p'", ""), "clusters[c].cluster.proxy-url"},
            {kubeconfig("server: 'http://10.0.0.1:8080'", ""), "clusters[c].cluster.server must be https"},
            {kubeconfig("server: 'ftp://a'", ""), "clusters[c].cluster.server is not a URL"},
            {kubeconfig("certificate-authority: /ca", ""), "clusters[c].cluster.server is missing"},
            {kubeconfig("server: [1]", ""), "clusters[c].cluster.server is not text"},
            {"current-context: gone\ncontexts: []\n", "contexts have no entry named \"gone\""},
            {"contexts: []\n", "current-context is missing"},
            {"just text", "the document is not a kubeconfig"},
            {"a: [hunter2\n", "is not YAML"},
        };
        for (const auto& [text, words] : rows) {
            const auto path = _folder.write("refused", text);
            expectError(text, ErrorCode::SettingsInvalid, words, [&] { ClusterConfig::fromKubeconfig(path); });
            expectError(text, ErrorCode::SettingsInvalid, path, [&] { ClusterConfig::fromKubeconfig(path); });
        }
        expectError("absent", ErrorCode::SettingsInvalid, "No such file",
                    [&] { ClusterConfig::fromKubeconfig(_folder / "absent"); });
    }

    void readsThePodsOwn() {
        _folder.write("sa/token", "t\n");
        _folder.write("sa/ca.crt", "pem");
        _folder.write("sa/namespace", "istio-system\n");
        const auto four = ClusterConfig::inCluster("10.96.0.1", "443", _folder / "sa");
        CPPUNIT_ASSERT_EQUAL(std::string("https://10.96.0.1:443"), four.server);
        CPPUNIT_ASSERT_EQUAL(std::string("istio-system"), four.nameSpace);
        const auto six = ClusterConfig::inCluster("fd00::1", "6443", _folder / "sa");
        CPPUNIT_ASSERT_EQUAL(std::string("https://[fd00::1]:6443"), six.server);
        ClusterAccess access(four);
        CPPUNIT_ASSERT_EQUAL(std::string("t"), std::string(access.token().reveal()));
        CPPUNIT_ASSERT_EQUAL(std::string("pem"), access.tls()->authorities);
    }

    void saysThatItIsInNoPod() {
        expectError("no variable", ErrorCode::SettingsInvalid, "set kubeconfig",
                    [&] { ClusterConfig::inCluster("", "443", _folder / "sa"); });
        expectError("no files", ErrorCode::SettingsInvalid, "automountServiceAccountToken",
                    [&] { ClusterConfig::inCluster("10.0.0.1", "443", _folder / "nothing"); });
        expectError("port", ErrorCode::SettingsInvalid, "KUBERNETES_SERVICE_PORT",
                    [&] { ClusterConfig::inCluster("10.0.0.1", "x", _folder / "sa"); });
        expectError("host", ErrorCode::SettingsInvalid, "KUBERNETES_SERVICE_HOST",
                    [&] { ClusterConfig::inCluster("a@b", "443", _folder / "sa"); });
    }

    void readsTheTokenAgain() {
        ClusterConfig config;
        config.token.path = _folder.write("token", "one");
        ClusterAccess slow(config);
        ClusterAccess quick(config, std::chrono::seconds(0));
        const Secret one = slow.token();
        quick.token();
        CPPUNIT_ASSERT(!slow.refused(one));
        _folder.write("token", "two");
        CPPUNIT_ASSERT(slow.token() == one); // for a minute
        CPPUNIT_ASSERT(quick.token() == Secret("two"));
        CPPUNIT_ASSERT(slow.refused(one));
        CPPUNIT_ASSERT(slow.token() == Secret("two"));
    }

    void aLostFileLeavesWhatItHeld() {
        ClusterConfig config;
        config.token.path = _folder.write("token", "one");
        config.authorities.path = _folder.write("ca", "pem");
        ClusterAccess access(config, std::chrono::seconds(0));
        const auto tls = access.tls();
        _folder.write("token", "");
        CPPUNIT_ASSERT(access.token() == Secret("one"));
        CPPUNIT_ASSERT(access.tls() == tls); // the same object: nothing changed
        config.token.path = _folder / "never";
        ClusterAccess without(config);
        expectError("never there", ErrorCode::CredentialSourceFault, config.token.path, [&] { without.token(); });
    }

    void namesAndPaths() {
        const auto secrets = ApiResource::secrets("istio-system");
        CPPUNIT_ASSERT_EQUAL(std::string("/api/v1/namespaces/istio-system/secrets"), secrets.path());
        const ApiResource crd{"extension.wasmproxy.io", "v1alpha1", "ns", "wasmextensions"};
        CPPUNIT_ASSERT_EQUAL(std::string("/apis/extension.wasmproxy.io/v1alpha1/namespaces/ns/wasmextensions/a/status"),
                             crd.path("a", "status"));
        CPPUNIT_ASSERT_EQUAL(
            std::string("{apiGroups: [\"\"], resources: [secrets], resourceNames: [\"a\"], verbs: [get, list, watch]}"),
            secrets.rule("get, list, watch", "a"));
        CPPUNIT_ASSERT_EQUAL(std::string("fieldSelector=metadata.name%3Da%2Ctype%3Dx%2Fy&labelSelector=k%3Dv"),
                             (Selection{"a", "type=x/y", "k=v"}.query()));
        for (const char* good : {"a", "a.b", "my-secret.v1", "0"})
            CPPUNIT_ASSERT_MESSAGE(good, isObjectName(good));
        for (const char* bad : {"", "A", "-a", "a-", "a..b", "a_b", "a,metadata.name=b", "a/b", ".a"})
            CPPUNIT_ASSERT_MESSAGE(bad, !isObjectName(bad));
        CPPUNIT_ASSERT(isNamespaceName("istio-system") && !isNamespaceName("a.b") && !isNamespaceName(""));
    }

private:
    TemporaryFolder _folder;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ClusterConfigTest);

} // namespace
} // namespace wasmproxy::test
