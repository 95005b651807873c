// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "KubernetesCredentialSource.h"
#include "sdk/kubernetes/KubeFixture.h"
#include "support/TemporaryFolder.h"

namespace wasmproxy::test {

/// A cluster, and sources that read its Secrets of namespace istio-system.
struct SourceFixture {
    Cluster cluster;
    TemporaryFolder folder;
    KubernetesCredentialSource::Bounds bounds = quickBounds();

    using Values = std::vector<std::pair<std::string, std::string>>;

    static KubernetesCredentialSource::Bounds quickBounds() {
        KubernetesCredentialSource::Bounds result;
        result.timing.firstDelay = 20ms;
        result.timing.longestDelay = 100ms;
        result.timing.relist = 20ms;
        result.timing.poll = 100ms;
        result.timing.nudge = 10ms;
        result.wait = 5000ms;
        return result;
    }

    std::string kubeconfig() const {
        return folder.write("kubeconfig", "current-context: test\n"
                                          "contexts: [{name: test, context: {cluster: c, namespace: istio-system}}]\n"
                                          "clusters: [{name: c, cluster: {server: '" +
                                              cluster.api.url() + "'}}]\n");
    }

    std::unique_ptr<KubernetesCredentialSource> source(const Values& values = {}) {
        return source(cluster.services, values);
    }
    std::unique_ptr<KubernetesCredentialSource> source(HostServices& host, const Values& values) {
        auto settings = std::make_unique<KubernetesSettings>();
        std::vector<KeyValue> texts;
        for (const auto& [key, value] : values)
            texts.push_back({key, value, "test"});
        if (values.empty() || values.front().first != "kubeconfig")
            texts.push_back({"kubeconfig", kubeconfig(), "test"});
        std::vector<SettingsProblem> problems;
        settings->apply(texts, "credential.test.", problems);
        if (!problems.empty()) throw std::runtime_error(problems.front().key + ": " + problems.front().message);
        return std::make_unique<KubernetesCredentialSource>(host, std::move(settings), bounds);
    }

    static std::vector<Credential> find(CredentialSource& source, const std::string& host,
                                        const std::string& secret = {}, std::chrono::milliseconds time = 5000ms) {
        Call call("test", Call::Clock::now() + time);
        return source.find(call, {Repository(host, "team/authz"), secret});
    }

    static std::string passwordOf(const std::vector<Credential>& credentials) {
        std::string result;
        for (const auto& credential : credentials)
            result += (result.empty() ? "" : ",") + std::string(credential.secret.reveal());
        return result;
    }

    void putSecret(const std::string& name, const std::string& host, const std::string& password) {
        cluster.api.putRegistrySecret("istio-system", name, host, "robot", password);
    }
    void putConfig(const std::string& name, const std::string& config) {
        cluster.api.putSecret("istio-system", name, "kubernetes.io/dockerconfigjson", {{".dockerconfigjson", config}});
    }
    void leastRole(const std::string& name) {
        for (const char* verb : {"get", "list", "watch"})
            cluster.api.allow(verb, "secrets", name);
    }

    /// Asks until `done`; false: not within a second, in which every change must be seen.
    template <class Done>
    static bool withinASecond(Done done) {
        const auto end = std::chrono::steady_clock::now() + 1s;
        while (!done()) {
            if (std::chrono::steady_clock::now() >= end) return false;
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
};

} // namespace wasmproxy::test
