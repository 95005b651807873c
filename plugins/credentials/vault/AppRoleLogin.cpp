// SPDX-License-Identifier: Apache-2.0
#include "AppRoleLogin.h"

#include "wasmproxy/plugin/Credential.h"

#include "SecretText.h"

namespace wasmproxy::vault {

Secret AppRoleLogin::roleId() const {
    return _settings.roleIdFile.given() ? readTrimmedSecretFile(_settings.roleIdFile.get(), "role-id-file")
                                        : Secret(_settings.roleId.get());
}

VaultToken AppRoleLogin::obtain(Call& call, VaultClient& client) {
    const Secret role = roleId();
    Secret secret;
    if (_settings.secretIdWrapped.get())
        secret = _wrapped.unwrapped(call, client);
    else if (_settings.secretIdFile.given())
        secret = readTrimmedSecretFile(_settings.secretIdFile.get(), "secret-id-file");
    const Secret body = secret.empty() ? jsonObject({{"role_id", role.reveal()}})
                                       : jsonObject({{"role_id", role.reveal()}, {"secret_id", secret.reveal()}});
    const std::string who =
        _settings.role.get().empty()
            ? std::string("the role of ") + (_settings.roleIdFile.given() ? _settings.roleIdFile.get() : "role-id")
            : "role " + _settings.role.get();
    return post(call, client, _settings.mount(), body, who, secret);
}

std::string AppRoleLogin::fingerprint() const {
    const Secret role = roleId();
    return Credential{Credential::Kind::Basic,
                      {},
                      std::string(role.reveal()),
                      _settings.secretIdFile.given()
                          ? readTrimmedSecretFile(_settings.secretIdFile.get(), "secret-id-file")
                          : Secret()}
        .fingerprint();
}

} // namespace wasmproxy::vault
