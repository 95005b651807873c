// SPDX-License-Identifier: Apache-2.0
#include "Login.h"

#include "AppRoleLogin.h"
#include "KubernetesLogin.h"
#include "SecretText.h"
#include "TokenFileLogin.h"
#include "VaultFault.h"

namespace wasmproxy::vault {

std::unique_ptr<Login> Login::make(HostServices& host, const VaultSettings& settings) {
    if (settings.auth.get() == "approle") return std::make_unique<AppRoleLogin>(host, settings);
    if (settings.auth.get() == "kubernetes") return std::make_unique<KubernetesLogin>(settings);
    return std::make_unique<TokenFileLogin>(settings);
}

VaultToken Login::post(Call& call, VaultClient& client, const std::string& mount, const Secret& body,
                       const std::string& who, const Secret& shown) {
    const VaultAnswer answer = client.post(call, "auth/" + mount + "/login", {}, body, shown);
    if (!answer.good())
        throw VaultFault(VaultFault::Reach::Login,
                         "the login of " + who + " at auth/" + mount + " of " + client.name() + " was refused (" +
                             answer.refusal() + ")",
                         "check the role, what is shown for it, and auth-mount");
    return tokenOf(answer);
}

VaultToken tokenOf(const VaultAnswer& answer) {
    const StrictJson auth = answer.json().at("auth");
    VaultToken token;
    const SecretText value(auth.at("client_token").asString());
    if (value.text.empty()) auth.fail("a client_token");
    for (const char c : value.text)
        if (c <= ' ' || c >= 0x7f) auth.fail("a client_token that a header can carry");
    token.value = Secret(value.text);
    if (const auto lease = auth.find("lease_duration")) token.lease = std::chrono::seconds(lease->asUnsigned(1u << 31));
    if (const auto renewable = auth.find("renewable")) token.renewable = renewable->asBool();
    if (auth.stringOr("token_type", "service") == "batch") token.renewable = false;
    return token;
}

} // namespace wasmproxy::vault
