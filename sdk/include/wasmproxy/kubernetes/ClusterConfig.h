// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include <string>

namespace wasmproxy::kubernetes {

/// Text that was given as it is, or that a file holds which may change. Both empty: there is none.
struct TextSource {
    std::string path;
    Secret text;

    bool empty() const noexcept { return path.empty() && text.empty(); }
};

/// Where an API server is and what is shown to it. Value type.
struct ClusterConfig {
    static constexpr const char* ServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

    std::string server;     ///< "https://10.96.0.1:443", without a slash at its end
    std::string nameSpace;  ///< the pod's, or the one of the kubeconfig's context; may be empty
    TextSource authorities; ///< PEM; none: the system's
    TextSource certificate; ///< PEM of the client
    TextSource key;         ///< PEM
    TextSource token;       ///< shown as `Authorization: Bearer`

    /// From the environment and files of the pod that this process runs in. Throws Error{SettingsInvalid} outside one.
    static ClusterConfig inCluster();
    /// `host` and `port` as KUBERNETES_SERVICE_HOST and _PORT have them.
    static ClusterConfig inCluster(const std::string& host, const std::string& port, const std::string& folder);
    /// The current context of a kubeconfig file (YAML or JSON). What it says and we do not do (exec, auth-provider,
    /// passwords, insecure-skip-tls-verify, …) throws Error{SettingsInvalid} that names file and field.
    static ClusterConfig fromKubeconfig(const std::string& path);
};

} // namespace wasmproxy::kubernetes
