// SPDX-License-Identifier: Apache-2.0
#include "KubernetesSettings.h"

#include "wasmproxy/kubernetes/ApiResource.h"

namespace wasmproxy::kubernetes {

void KubernetesSettings::validate(const std::string& prefix, std::vector<SettingsProblem>& problems) const {
    const auto report = [&](const SettingBase& setting, const std::string& message) {
        problems.push_back({setting.origin(), prefix + setting.description().key, message});
    };
    if (nameSpace.given() && !isNamespaceName(nameSpace.get())) report(nameSpace, "expected a namespace's name");
    if (kubeconfig.given() && (kubeconfig.get().empty() || kubeconfig.get().front() != '/'))
        report(kubeconfig, "expected an absolute path such as /etc/wasm-proxy/kubeconfig");
    for (const std::string& name : secrets.get())
        if (!isObjectName(name)) report(secrets, "\"" + name + "\" cannot be a Secret's name");
    if (serviceAccount.given() && !isObjectName(serviceAccount.get()))
        report(serviceAccount, "expected a service account's name");
    if (selector.given() && selector.get().empty()) report(selector, "expected a label selector such as pull=wasm");
    if (selector.given() && all.get()) report(selector, "not together with all = true, which takes them all");
}

} // namespace wasmproxy::kubernetes
