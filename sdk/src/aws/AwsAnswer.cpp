// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/aws/AwsAnswer.h"

#include <Poco/DateTimeFormat.h>
#include <Poco/DateTimeParser.h>

#include <algorithm>
#include <cstdlib>

namespace wasmproxy::aws {
namespace {

constexpr std::size_t MessageLimit = 300;
constexpr std::chrono::minutes AllowedSkew{5};

bool isOneOf(const std::string& text, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

/// Only letters: it goes into messages as it is.
std::string wordOf(const std::string& type) {
    const auto prefix = type.rfind('#');
    std::string word = type.substr(prefix == std::string::npos ? 0 : prefix + 1);
    word.resize(std::min(word.size(), word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")));
    return word.size() > 80 ? "" : word;
}

} // namespace

std::string shownText(std::string text, const std::vector<std::string_view>& secrets) {
    for (const auto& secret : secrets)
        for (std::size_t at = 0; secret.size() >= 4 && (at = text.find(secret, at)) != std::string::npos;)
            text.replace(at, secret.size(), "<redacted>");
    text.resize(std::min(text.size(), MessageLimit));
    for (auto& c : text)
        if (c < 0x20 || c > 0x7e) c = c == '\n' || c == '\t' ? ' ' : '?';
    return text;
}

bool isAboutSignature(const std::string& type) {
    return isOneOf(type, {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired",
                          "RequestTimeTooSkewed", "RequestTimeTooSkewedException"});
}

std::string hintFor(const std::string& type, std::chrono::seconds skew, const std::string& onDenied) {
    if (isAboutSignature(type) && std::chrono::abs(skew) > AllowedSkew)
        return "the clock of this machine is " + std::to_string(std::chrono::abs(skew).count()) + " s " +
               (skew.count() > 0 ? "behind" : "ahead of") + " AWS's: set it right";
    if (isAboutSignature(type)) return "the secret access key does not belong to the access key id";
    if (isOneOf(type, {"AccessDeniedException", "AccessDenied"})) return onDenied;
    if (isOneOf(type, {"ExpiredTokenException", "ExpiredToken"})) return "its source must hand out newer ones";
    if (isOneOf(type, {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"}))
        return "AWS does not know this access key (any more), or not in this region";
    return {};
}

AwsRefusal refusalOf(const std::string& body) {
    AwsRefusal refusal;
    try {
        const auto json = StrictJson::parse(body, "answer", ErrorCode::UpstreamInvalid);
        for (const char* key : {"__type", "code", "Code"})
            if (refusal.type.empty()) refusal.type = wordOf(json.stringOr(key, ""));
        for (const char* key : {"message", "Message"})
            if (refusal.message.empty()) refusal.message = json.stringOr(key, "");
    } catch (const Error&) {
        refusal.type = wordOf(elementOf(body, "Code"));
        refusal.message = elementOf(body, "Message");
    }
    return refusal;
}

Error errorOf(const HttpResponse& response, const std::string& body, const std::string& service,
              const HostServices& host, const std::vector<std::string_view>& secrets, const std::string& onDenied) {
    const int status = response.status();
    const AwsRefusal refusal = refusalOf(body);
    // A refused identity is a broken source, not a credential that the registry refused: the token in hand stays.
    ErrorCode code = ErrorCode::CredentialSourceFault;
    if (status == 429 || refusal.type.find("Throttl") != std::string::npos ||
        isOneOf(refusal.type, {"TooManyRequestsException", "RequestLimitExceeded"}))
        code = ErrorCode::TooManyRequests;
    else if (status >= 500 || isOneOf(refusal.type, {"ServerException", "IDPCommunicationError", "ServiceUnavailable"}))
        code = ErrorCode::UpstreamUnavailable;
    std::string text = service + " answered " + std::to_string(status);
    if (!refusal.type.empty()) text += " " + refusal.type;
    if (!refusal.message.empty() && !isAboutSignature(refusal.type) &&
        refusal.message.find("anonical") == std::string::npos)
        text += ": " + shownText(refusal.message, secrets);
    return Error(code, text, hintFor(refusal.type, skewOf(response, host), onDenied));
}

std::chrono::seconds skewOf(const HttpResponse& response, const HostServices& host) {
    const std::string date = response.header("Date");
    Poco::DateTime parsed;
    int zone = 0;
    if (date.empty() || !Poco::DateTimeParser::tryParse(Poco::DateTimeFormat::HTTP_FORMAT, date, parsed, zone))
        return std::chrono::seconds(0);
    return std::chrono::seconds(parsed.timestamp().epochTime() - std::chrono::system_clock::to_time_t(host.now()));
}

std::string elementOf(std::string_view xml, const std::string& name) {
    const std::string open = "<" + name + ">";
    const std::string close = "</" + name + ">";
    const auto begin = xml.find(open);
    if (begin == std::string_view::npos || xml.find(open, begin + 1) != std::string_view::npos) return {};
    const auto end = xml.find(close, begin);
    if (end == std::string_view::npos) return {};
    const auto text = xml.substr(begin + open.size(), end - begin - open.size());
    // Neither an element nor an entity: keys and tokens have none, and a comment could hide one.
    return text.find_first_of("<&") == std::string_view::npos ? std::string(text) : std::string();
}

std::optional<std::chrono::system_clock::time_point> timeOf(const std::string& text) {
    constexpr std::int64_t Latest = 4102444800; // 2100, so that the clock can hold it
    Poco::DateTime parsed;
    int zone = 0;
    // What is no number, Poco takes for 0.
    if (text.size() < 20 || text.size() > 35 || text[4] != '-' || text[10] != 'T' ||
        !Poco::DateTimeParser::tryParse(Poco::DateTimeFormat::ISO8601_FORMAT, text, parsed, zone))
        return {};
    const std::int64_t seconds = parsed.timestamp().epochTime() - zone;
    if (seconds <= 0 || seconds > Latest) return {};
    return std::chrono::system_clock::from_time_t(seconds);
}

AwsCredentials credentialsOf(const std::string& body, const std::string& service) {
    const auto json = StrictJson::parse(body, "answer of " + service, ErrorCode::CredentialSourceFault);
    const std::string code = json.stringOr("Code", "Success");
    if (code != "Success")
        throw Error(ErrorCode::CredentialSourceFault,
                    service + " has no credentials: " + shownText(code + " " + json.stringOr("Message", ""), {}));
    PrivateText key{json.stringOr("SecretAccessKey", "")};
    PrivateText token{json.stringOr("Token", "")};
    AwsCredentials result{json.stringOr("AccessKeyId", ""), Secret(key.text), Secret(token.text), service,
                          timeOf(json.stringOr("Expiration", ""))};
    if (result.accessKeyId.empty() || result.secretAccessKey.empty())
        throw Error(ErrorCode::CredentialSourceFault, service + " answered without AccessKeyId or SecretAccessKey");
    return result;
}

} // namespace wasmproxy::aws
