// SPDX-License-Identifier: Apache-2.0
#include "WrappedSecretId.h"

#include "SecretText.h"
#include "VaultFault.h"

namespace wasmproxy::vault {

namespace {

/// The creation path as Vault tells it, for a message.
std::string shown(const std::string& path) {
    std::string result;
    for (const char c : path.substr(0, 100))
        result += c > ' ' && c < 0x7f ? c : '?';
    return result;
}

} // namespace

Secret WrappedSecretId::unwrapped(Call& call, VaultClient& client) {
    const Secret token = readTrimmedSecretFile(_settings.secretIdFile.get(), "secret-id-file");
    if (!_secretId.empty() && token == _token) return _secretId;
    for (const char c : token.reveal())
        if (c <= ' ' || c >= 0x7f)
            throw Error(ErrorCode::CredentialSourceFault,
                        "secret-id-file: " + _settings.secretIdFile.get() + " holds more than a wrapping token");
    checkOrigin(call, client, token);
    const VaultAnswer answer = client.post(call, "sys/wrapping/unwrap", token, Secret("{}"));
    if (!answer.good()) alarm("was used already or has expired (" + answer.refusal() + ")", token);
    const SecretText secret(answer.json().at("data").at("secret_id").asString());
    _secretId = Secret(secret.text);
    _token = token;
    return _secretId;
}

void WrappedSecretId::checkOrigin(Call& call, VaultClient& client, const Secret& token) {
    const VaultAnswer answer =
        client.post(call, "sys/wrapping/lookup", {}, jsonObject({{"token", token.reveal()}}), token);
    if (!answer.good()) alarm("was used already or has expired (" + answer.refusal() + ")", token);
    std::string path = answer.json().at("data").at("creation_path").asString();
    const std::string begin = "auth/" + _settings.mount() + "/role/";
    const std::string end = "/secret-id";
    bool ours = path.size() > begin.size() + end.size() && path.compare(0, begin.size(), begin) == 0 &&
                path.compare(path.size() - end.size(), end.size(), end) == 0;
    const std::string role = ours ? path.substr(begin.size(), path.size() - begin.size() - end.size()) : "";
    ours = ours && role.find('/') == std::string::npos;
    if (!_settings.role.get().empty()) ours = ours && role == _settings.role.get();
    if (!ours)
        alarm("wraps what was made at " + shown(path) + ", not at " + begin +
                  (_settings.role.get().empty() ? "<role>" : _settings.role.get()) + end,
              token);
}

void WrappedSecretId::alarm(const std::string& what, const Secret& token) {
    const std::string message = "the wrapping token in secret-id-file " + _settings.secretIdFile.get() + " " + what +
                                ": somebody else may have unwrapped it";
    const std::string hint = "find out who, revoke the secret id, and put a new wrapping token into the file (also "
                             "after a restart: each is good for one)";
    if (_alarmed != token) _host.log(LogLevel::Error, message + "; " + hint);
    _alarmed = token;
    throw VaultFault(VaultFault::Reach::Login, message, hint);
}

} // namespace wasmproxy::vault
