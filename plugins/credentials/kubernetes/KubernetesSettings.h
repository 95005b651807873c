// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Settings.h"

#include <string>
#include <vector>

namespace wasmproxy::kubernetes {

class KubernetesSettings : public Settings {
public:
    Setting<std::string> nameSpace{
        this, "namespace", "",
        "Whose Secrets are read. Default: the namespace of the pod, or of the kubeconfig's context."};
    Setting<std::string> kubeconfig{
        this, "kubeconfig", "",
        "Absolute path of a kubeconfig file; only outside a cluster. Inside, the pod's service account is used."};
    Setting<std::vector<std::string>> secrets{
        this,
        "secrets",
        {},
        "Secrets whose credentials are used for every repository that they name. A Role with these resourceNames is "
        "enough. Those that Extensions name need not be listed."};
    Setting<std::string> selector{
        this, "selector", "",
        "Label selector: the docker registry Secrets it matches are used, too. Needs to list and watch every Secret of "
        "the namespace, the mesh's CA key among them."};
    Setting<bool> all{this, "all", false,
                      "Use every docker registry Secret of the namespace. Needs what `selector` needs."};
    Setting<std::string> serviceAccount{this, "service-account", "",
                                        "A service account whose imagePullSecrets are used, too."};

protected:
    void validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const override;
};

} // namespace wasmproxy::kubernetes
