// SPDX-License-Identifier: Apache-2.0
#include "OwnIdentity.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include "FederatedAccount.h"
#include "GoogleHosts.h"
#include "MetadataServer.h"
#include "ServiceAccount.h"
#include "wasmproxy/credentials/SecretText.h"

namespace wasmproxy::gcr {

namespace {

using std::chrono::seconds;

constexpr std::size_t MaximumIdentities = 4; // a file that was replaced leaves its token behind
constexpr seconds GuessTime{3};              // an address that is nobody's swallows what is sent to it
constexpr seconds GuessPause{60};

std::int64_t count(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
}

} // namespace

OwnIdentity::OwnIdentity(HostServices& host, const GcrSettings& settings, Environment environment)
    : _host(host), _settings(settings), _environment(std::move(environment)), _tokens(host, MaximumIdentities) {}

std::vector<Credential> OwnIdentity::find(Call& call, const CredentialQuery& query) {
    if (!_settings.ownIdentity.get() || !query.secretName.empty()) return {};
    if (!isGoogleRegistry(query.repository.host())) return {};
    const Current now = current();
    const std::string name = now.identity->name();
    const auto nobody = [&] { return now.guessed && !_answered && count(_host.now()) < _nobodyUntil; };
    if (nobody()) return {};
    try {
        const auto found = _tokens.get(call, {name, {}, {}, now.fingerprint}, [&](Call& leader) {
            return now.guessed && !_answered ? guess(leader, *now.identity) : now.identity->obtain(_host, leader);
        });
        return {{Credential::Kind::Basic, name, "oauth2accesstoken", found.value}};
    } catch (const Error&) {
        if (nobody()) return {};
        throw;
    }
}

Token OwnIdentity::guess(Call& call, const Identity& identity) {
    Call shorter = call.within(GuessTime);
    try {
        return identity.obtain(_host, shorter);
    } catch (const Error& error) {
        if (_answered || call.expired()) throw;
        if (_nobodyUntil.exchange(count(_host.now() + GuessPause)) == 0)
            _host.log(LogLevel::Information, std::string("no Google identity of its own: ") + error.what() +
                                                 "; pulls of routes without credentials are anonymous");
        throw Error(ErrorCode::CredentialSourceFault, error.what(), error.hint());
    }
}

OwnIdentity::Current OwnIdentity::current() {
    if (!_settings.serviceAccountKeyFile.get().empty())
        return fromFile(_settings.serviceAccountKeyFile.get(), "service-account-key-file", true);
    if (!_environment.credentialsFile.empty())
        return fromFile(_environment.credentialsFile, "GOOGLE_APPLICATION_CREDENTIALS", false);
    const bool said = _settings.metadataEndpoint.given() || !_environment.metadataHost.empty() || _environment.onGoogle;
    return {std::make_unique<MetadataServer>(metadataOrigin(), _answered), {}, !said};
}

OwnIdentity::Current OwnIdentity::fromFile(const std::string& path, const std::string& key, bool keyOnly) const {
    const std::string source = key + " " + path;
    const Secret content = readSecretFile(path, key);
    const auto json = StrictJson::parse(content.reveal(), source, ErrorCode::CredentialSourceFault);
    const std::string type = json.at("type").asString();
    Current result;
    result.fingerprint = Credential{Credential::Kind::Basic, {}, path, content}.fingerprint();
    if (type == "service_account") {
        result.identity = std::make_unique<ServiceAccount>(json, source, _settings);
    } else if (type == "external_account" && !keyOnly) {
        result.identity = std::make_unique<FederatedAccount>(json, source, _settings);
    } else {
        throw Error(ErrorCode::CredentialSourceFault,
                    source + ": its type is not supported; " +
                        (keyOnly ? "service_account is" : "service_account and external_account are"));
    }
    return result;
}

std::string OwnIdentity::metadataOrigin() const {
    if (!_settings.metadataEndpoint.given() && !_environment.metadataHost.empty())
        return "http://" + _environment.metadataHost;
    std::string origin = _settings.metadataEndpoint.get();
    if (origin.back() == '/') origin.pop_back();
    return origin;
}

} // namespace wasmproxy::gcr
