// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/kubernetes/ApiResource.h"
#include "wasmproxy/kubernetes/ClusterConfig.h"

#include "FileText.h"
#include "wasmproxy/oci/Error.h"

#include <cstdlib>

namespace wasmproxy::kubernetes {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

} // namespace

ClusterConfig ClusterConfig::inCluster() {
    return inCluster(variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT"), ServiceAccountFolder);
}

ClusterConfig ClusterConfig::inCluster(const std::string& host, const std::string& port, const std::string& folder) {
    if (host.empty())
        throw Error(ErrorCode::SettingsInvalid, "not in a Kubernetes pod: KUBERNETES_SERVICE_HOST is not set",
                    "outside a cluster, set kubeconfig to the path of a kubeconfig file");
    if (host.find_first_of("/@?# \t\r\n") != std::string::npos)
        throw Error(ErrorCode::SettingsInvalid, "KUBERNETES_SERVICE_HOST is not a host");
    if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos)
        throw Error(ErrorCode::SettingsInvalid, "KUBERNETES_SERVICE_PORT is not a port");
    const bool bare = host.find(':') != std::string::npos && host.front() != '['; // IPv6
    ClusterConfig result;
    result.server = "https://" + (bare ? "[" + host + "]" : host) + (port.empty() ? "" : ":" + port);
    result.authorities.path = folder + "/ca.crt";
    result.token.path = folder + "/token";
    constexpr const char* Hint = "the pod needs automountServiceAccountToken: true, or a projected volume there";
    const auto required = [&](const std::string& name) {
        try {
            return readFileText(folder + "/" + name, "service account", ErrorCode::SettingsInvalid);
        } catch (const Error& error) {
            throw Error(error.code(), error.what(), Hint);
        }
    };
    required("token");
    required("ca.crt");
    // A projected volume may leave the namespace out; then a setting says it.
    try {
        const Secret text = readFileText(folder + "/namespace", "service account", ErrorCode::SettingsInvalid);
        const std::string_view name = text.reveal().substr(0, text.reveal().find_last_not_of(" \r\n\t") + 1);
        if (isNamespaceName(name)) result.nameSpace = name;
    } catch (const Error&) {
        result.nameSpace.clear();
    }
    return result;
}

} // namespace wasmproxy::kubernetes
