// SPDX-License-Identifier: Apache-2.0
#include "TokenFileLogin.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Credential.h"

#include "SecretText.h"

namespace wasmproxy::vault {

Secret TokenFileLogin::read() const {
    Secret token = readTrimmedSecretFile(_settings.tokenFile.get(), "token-file");
    for (const char c : token.reveal())
        if (c <= ' ' || c >= 0x7f)
            throw Error(ErrorCode::CredentialSourceFault,
                        "token-file: " + _settings.tokenFile.get() + " holds more than a token");
    return token;
}

VaultToken TokenFileLogin::obtain(Call& call, VaultClient& client) {
    VaultToken token;
    token.value = read();
    const VaultAnswer answer = client.get(call, "auth/token/lookup-self", token.value);
    // A token without the policy `default` may not look itself up. Whether it is good, reading will tell.
    if (!answer.good()) return token;
    const StrictJson data = answer.json().at("data");
    if (const auto ttl = data.find("ttl")) token.lease = std::chrono::seconds(ttl->asUnsigned(1u << 31));
    if (const auto renewable = data.find("renewable")) token.renewable = renewable->asBool();
    return token;
}

std::string TokenFileLogin::fingerprint() const {
    return Credential{Credential::Kind::BearerToken, {}, {}, read()}.fingerprint();
}

bool TokenFileLogin::replaces(const Secret& token) const {
    try {
        return read() != token;
    } catch (const Error&) {
        return false; // being replaced, perhaps; the token in use is still one
    }
}

} // namespace wasmproxy::vault
