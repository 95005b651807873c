// SPDX-License-Identifier: Apache-2.0
#include "ServiceAccount.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include "TokenService.h"
#include "wasmproxy/credentials/SecretText.h"

namespace wasmproxy::gcr {

ServiceAccount::ServiceAccount(const StrictJson& file, const std::string& source, const GcrSettings& settings)
    : _source(source) {
    _assertion.issuer = file.at("client_email").asString();
    _assertion.keyId = file.stringOr("private_key_id", "");
    _assertion.scope = CloudPlatform;
    _assertion.audience = settings.tokenEndpoint.get();
    const SecretText key(file.at("private_key").asString());
    _privateKey = Secret(key.text);
    // A credential file is input: it does not say where assertions go.
    const std::string uri = file.stringOr("token_uri", GcrSettings::TokenService);
    if (!settings.tokenEndpoint.given() && uri != GcrSettings::TokenService)
        throw Error(ErrorCode::CredentialSourceFault,
                    source + ": its token_uri is not " + GcrSettings::TokenService + " and is not believed",
                    "if it is right, write it as token-endpoint");
}

Token ServiceAccount::obtain(HostServices& host, Call& call) const {
    const std::string& url = _assertion.audience;
    Secret assertion;
    try {
        assertion = _assertion.sign(_privateKey, host.now());
    } catch (const Error& error) {
        throw Error(error.code(), _source + ": " + error.what(), error.hint());
    }
    TokenService service(host, call, "token service " + HttpUrl::parse(url, "token-endpoint").authority());
    const auto answer = service.postForm(
        url, {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion.reveal()}});
    return service.token(*answer, {assertion.reveal(), _privateKey.reveal()},
                         "it does not accept the key of " + name() + " in " + _source +
                             ": is it deleted or disabled, is the clock right?");
}

} // namespace wasmproxy::gcr
