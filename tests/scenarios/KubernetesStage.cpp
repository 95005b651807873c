// SPDX-License-Identifier: Apache-2.0
#include "KubernetesStage.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Parser.h>

#include <filesystem>
#include <thread>

namespace wasmproxy::test {

std::string KubernetesStage::put(const std::string& repositoryAndTag, const std::string& module) {
    return upstream.put(repositoryAndTag, istioArtifact(module));
}

void KubernetesStage::startProxy(const Cluster& cluster, const std::string& more) {
    folder.write("ca.pem", cluster.authority);
    const auto kubeconfig =
        folder.write("kubeconfig", std::string("current-context: test\ncontexts: [{name: test, context: {cluster: c, "
                                               "user: u, namespace: ") +
                                       Namespace + "}}]\nclusters: [{name: c, cluster: {server: '" + cluster.server +
                                       "', certificate-authority: ca.pem}}]\nusers: [{name: u, user: {token: '" +
                                       cluster.token + "'}}]\n");
    std::filesystem::create_directories(folder / "extensions");
    Proxy::Options options{host(), ""};
    options.pull = "hold = 3s";
    options.environment = {{"WASM_PROXY__DATAPLANE__PUBLIC_URL", PublicUrl}};
    options.more = "[extensions]\ndirectory = " + (folder / "extensions") + "\nkubernetes = true\n" +
                   "[credential.cluster]\nplugin = kubernetes\nnamespace = " + Namespace +
                   "\nkubeconfig = " + kubeconfig + "\n" + more;
    proxy = std::make_unique<Proxy>(options);
}

void KubernetesStage::rotate(const std::string& password) {
    upstream.registry.setUsers({{"robot", password}});
    upstream.registry.stop();
    upstream.registry.start();
}

std::string KubernetesStage::extension(const std::string& name, const std::string& repositoryAndTag,
                                       const std::string& secret, const std::string& moreOfSpec) const {
    return R"({"apiVersion":"extension.wasmproxy.io/v1alpha1","kind":"WasmExtension","metadata":{"name":")" + name +
           R"("},"spec":{"url":")" + url(repositoryAndTag) + "\"" +
           (secret.empty() ? "" : R"(,"imagePullSecret":")" + secret + "\"") + moreOfSpec + "}}";
}

void KubernetesStage::writeExtensionFile(const std::string& name, const std::string& json) const {
    folder.write("extensions/" + name + ".json", json);
}

void KubernetesStage::assertServed(const std::string& target, const std::string& module) const {
    const auto answer = get(target);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(target + ": " + answer.error + answer.body.substr(0, 1000) + proxy->log(), 200,
                                 answer.status);
    CPPUNIT_ASSERT_MESSAGE(target + " has another module", answer.body == module);
}

void KubernetesStage::assertServedSoon(const std::string& target, const std::string& module) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
        const auto answer = get(target);
        if (answer.status == 200 && answer.body == module) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    assertServed(target, module);
}

void KubernetesStage::assertRefused(const std::string& target, int status,
                                    const std::vector<std::string>& words) const {
    const auto answer = get(target);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(target + ": " + answer.error + answer.body.substr(0, 1000) + proxy->log(), status,
                                 answer.status);
    for (const auto& word : words)
        assertHas(answer.body, word);
}

Poco::JSON::Object::Ptr KubernetesStage::listed(const std::string& name) const {
    const auto answer = proxy->admin("/api/v1/extensions");
    CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.error + answer.body + proxy->log(), 200, answer.status);
    const auto list = Poco::JSON::Parser().parse(answer.body).extract<Poco::JSON::Object::Ptr>()->getArray("items");
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto entry = list->getObject(static_cast<unsigned>(i));
        if (entry->optValue<std::string>("name", "") == name) return entry;
    }
    return nullptr;
}

void KubernetesStage::awaitListed(const std::string& name, const std::string& url) const {
    await(name + " with " + url + " in /api/v1/extensions", [&] {
        const auto entry = listed(name);
        return entry && entry->optValue<std::string>("url", "") == url;
    });
}

void KubernetesStage::awaitLog(const std::string& part) const {
    for (int tries = 0; tries < 400 && logged(part) == 0; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    assertHas(proxy->log(), part);
}

std::size_t KubernetesStage::logged(const std::string& part) const {
    const auto log = proxy->log();
    std::size_t result = 0;
    for (auto at = log.find(part); at != std::string::npos; at = log.find(part, at + 1))
        ++result;
    return result;
}

void KubernetesStage::assertNoSecrets(const std::vector<std::string>& secrets) const {
    const auto text = proxy->log() + proxy->health("/metrics").body + proxy->admin("/api/v1/extensions").body;
    for (const auto& secret : secrets)
        CPPUNIT_ASSERT_MESSAGE("a secret is shown", text.find(secret) == std::string::npos);
}

void KubernetesStage::stopProxy() {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(proxy->log(), 0, proxy->terminate());
}

void KubernetesStage::assertHas(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("expected '" + part + "' in: " + text, text.find(part) != std::string::npos);
}

void KubernetesStage::await(const std::string& what, const std::function<bool()>& condition,
                            std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!condition()) {
        CPPUNIT_ASSERT_MESSAGE("not in time: " + what, std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

} // namespace wasmproxy::test
