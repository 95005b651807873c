// SPDX-License-Identifier: Apache-2.0
#include "FederatedAccount.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/HttpUrl.h"

#include "GoogleHosts.h"
#include "TokenService.h"
#include "wasmproxy/credentials/SecretText.h"

#include <Poco/DateTime.h>

#include <cstdio>
#include <optional>

namespace wasmproxy::gcr {

namespace {

/// `2026-01-01T01:00:00Z`, perhaps with a fraction, in seconds since 1970. Poco's parser takes anything for a time.
std::optional<std::time_t> timeOf(const std::string& text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, read = 0;
    const int fields =
        std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &read);
    if (fields != 6 || text.back() != 'Z' || !Poco::DateTime::isValid(year, month, day, hour, minute, second))
        return {};
    if (text[static_cast<std::size_t>(read)] != 'Z' && text[static_cast<std::size_t>(read)] != '.') return {};
    return Poco::DateTime(year, month, day, hour, minute, second).timestamp().epochTime();
}

} // namespace

void FederatedAccount::fail(const std::string& why, const std::string& hint) const {
    throw Error(ErrorCode::CredentialSourceFault, _source + ": " + why, hint);
}

std::string FederatedAccount::google(const std::string& text, const std::string& member,
                                     const std::string& setting) const {
    const std::string hint = "if it is right, write it as " + setting;
    try {
        const HttpUrl url = HttpUrl::parse(text, member);
        if (url.secure() && url.port() == 443 && isGoogleApi(url.host()) && url.target().find('?') == std::string::npos)
            return url.str();
    } catch (const Error& error) {
        fail(error.what(), hint);
    }
    fail(member + " is no https URL of googleapis.com and is not believed", hint);
}

FederatedAccount::FederatedAccount(const StrictJson& file, const std::string& source, const GcrSettings& settings)
    : _source(source) {
    _audience = file.at("audience").asString();
    _subjectTokenType = file.at("subject_token_type").asString();
    _tokenUrl = settings.stsEndpoint.get();
    if (_tokenUrl.empty()) _tokenUrl = google(file.at("token_url").asString(), "token_url", "sts-endpoint");
    if (const auto url = file.find("service_account_impersonation_url")) {
        _impersonationUrl = google(url->asString(), "service_account_impersonation_url", "api-endpoint");
        const std::string& origin = settings.apiEndpoint.get();
        if (!origin.empty())
            _impersonationUrl =
                HttpUrl::parse(origin, "api-endpoint").origin() + HttpUrl::parse(_impersonationUrl, "URL").target();
        const std::string path = _impersonationUrl.substr(_impersonationUrl.rfind('/') + 1);
        _account = "service account " + path.substr(0, path.find(':'));
    }
    readSubjectSource(file.at("credential_source"));
}

void FederatedAccount::readSubjectSource(const StrictJson& json) {
    _subjectFile = json.stringOr("file", "");
    _subjectUrl = json.stringOr("url", "");
    if (json.find("environment_id") || json.find("executable") || _subjectFile.empty() == _subjectUrl.empty())
        fail("credential_source must have either `file` or `url`; `executable` and AWS are not supported");
    if (!_subjectUrl.empty()) {
        try {
            HttpUrl::parse(_subjectUrl, "credential_source.url");
        } catch (const Error& error) {
            fail(error.what());
        }
        if (const auto headers = json.find("headers"))
            for (const auto& [name, value] : headers->members())
                _subjectHeaders.push_back({name, value.asString()});
    }
    if (const auto format = json.find("format")) {
        const std::string type = format->stringOr("type", "text");
        if (type == "json") _subjectField = format->at("subject_token_field_name").asString();
        if (type != "json" && type != "text") fail("credential_source.format.type must be text or json");
    }
}

Secret FederatedAccount::subjectToken(HostServices& host, Call& call) const {
    Secret content;
    if (!_subjectFile.empty()) {
        content = readSecretFile(_subjectFile, "credential_source.file of " + _source);
    } else {
        TokenService service(
            host, call, "subject token service " + HttpUrl::parse(_subjectUrl, "credential_source.url").authority());
        HttpRequest request;
        request.url = _subjectUrl;
        request.headers = _subjectHeaders;
        const auto answer = service.send(request);
        std::vector<std::string_view> secrets;
        for (const auto& header : _subjectHeaders)
            secrets.push_back(header.value);
        content = service.body(*answer, secrets, "check credential_source in " + _source);
    }
    if (!_subjectField.empty()) {
        const auto json =
            StrictJson::parse(content.reveal(), "subject token of " + _source, ErrorCode::CredentialSourceFault);
        const SecretText value(json.at(_subjectField).asString());
        content = Secret(value.text);
    }
    const std::string_view text = content.reveal();
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) fail("its subject token is empty");
    return Secret(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

Token FederatedAccount::obtain(HostServices& host, Call& call) const {
    const Secret subject = subjectToken(host, call);
    TokenService service(host, call, "token exchange " + HttpUrl::parse(_tokenUrl, "sts-endpoint").authority());
    const auto answer =
        service.postForm(_tokenUrl, {{"audience", _audience},
                                     {"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                     {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                                     {"subject_token_type", _subjectTokenType},
                                     {"subject_token", subject.reveal()},
                                     {"scope", CloudPlatform}});
    Token token =
        service.token(*answer, {subject.reveal()}, "does the provider " + _audience + " accept this workload's token?");
    return _impersonationUrl.empty() ? token : impersonate(host, call, token.value);
}

Token FederatedAccount::impersonate(HostServices& host, Call& call, const Secret& federated) const {
    TokenService service(host, call,
                         "impersonation by " + HttpUrl::parse(_impersonationUrl, "api-endpoint").authority());
    HttpRequest request;
    request.method = "POST";
    request.url = _impersonationUrl;
    request.body = std::string(R"({"scope":[")") + CloudPlatform + R"("],"lifetime":"3600s"})";
    std::string bearer;
    bearer.reserve(7 + federated.reveal().size());
    bearer.append("Bearer ").append(federated.reveal());
    request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}, {"Authorization", {}}};
    request.headers.back().value = std::move(bearer);
    const auto answer = service.send(request, 2);
    const StrictJson json = service.parse(service.body(
        *answer, {federated.reveal()}, "the workload needs the role Workload Identity User on " + _account));
    const SecretText value(json.at("accessToken").asString());
    const auto expires = timeOf(json.stringOr("expireTime", ""));
    if (!expires) service.fail("its expireTime is no time");
    return service.made(value.text, std::chrono::seconds(*expires - std::chrono::system_clock::to_time_t(host.now())));
}

} // namespace wasmproxy::gcr
