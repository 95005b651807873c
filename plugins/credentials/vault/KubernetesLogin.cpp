// SPDX-License-Identifier: Apache-2.0
#include "KubernetesLogin.h"

#include "wasmproxy/plugin/Credential.h"

#include "SecretText.h"

namespace wasmproxy::vault {

VaultToken KubernetesLogin::obtain(Call& call, VaultClient& client) {
    const Secret jwt = readTrimmedSecretFile(_settings.jwtFile.get(), "jwt-file");
    const Secret body = jsonObject({{"role", _settings.role.get()}, {"jwt", jwt.reveal()}});
    return post(call, client, _settings.mount(), body, "role " + _settings.role.get(), jwt);
}

std::string KubernetesLogin::fingerprint() const {
    return Credential{Credential::Kind::BearerToken, {}, {}, readTrimmedSecretFile(_settings.jwtFile.get(), "jwt-file")}
        .fingerprint();
}

} // namespace wasmproxy::vault
