// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/HelperAnswer.h"

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/oci/StrictJson.h"

#include <algorithm>

namespace wasmproxy {

namespace {

constexpr std::size_t MessageLength = 160;

std::string_view trimmed(std::string_view text) {
    const std::string_view space = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(space);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

} // namespace

std::string helperServer(const std::string& registryHost) {
    return registryHost == "docker.io" ? "https://index.docker.io/v1/" : registryHost;
}

std::optional<Credential> parseHelperAnswer(std::string_view text, const std::string& what) {
    const StrictJson answer = StrictJson::parse(text, what, ErrorCode::CredentialSourceFault);
    if (!answer.isObject()) answer.fail("an object with Username and Secret");
    const WipedText secret{answer.stringOr("Secret", "")};
    Credential result;
    result.username = answer.stringOr("Username", "");
    if (result.username.empty() && secret.text.empty()) return std::nullopt;
    for (const char* key : {"Username", "Secret"})
        if (answer.stringOr(key, "").empty())
            throw Error(ErrorCode::CredentialSourceFault, what + ": `" + key + "` is missing or empty");
    result.kind = result.username == "<token>" ? Credential::Kind::IdentityToken : Credential::Kind::Basic;
    result.secret = Secret(secret.text);
    return result;
}

bool saysNotFound(std::string_view text) noexcept {
    // The words are docker-credential-helpers' own; some helpers of others put theirs around them.
    return trimmed(text).find("credentials not found in native keychain") != std::string_view::npos;
}

std::string helperMessage(std::string_view text) {
    text = trimmed(text);
    if (text.find('{') != std::string_view::npos || text.find("Secret") != std::string_view::npos) return {};
    std::string result(text.substr(0, MessageLength));
    std::replace_if(
        result.begin(), result.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
    return text.size() > MessageLength ? result + "..." : result;
}

} // namespace wasmproxy
