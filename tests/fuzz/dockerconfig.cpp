// SPDX-License-Identifier: Apache-2.0
// Any bytes as a docker config and as a credential helper's output: never a crash, only Errors that show no value; both
// readers of a config agree on its entries, and what is accepted is a credential.
#include "wasmproxy/credentials/DockerConfig.h"
#include "wasmproxy/credentials/HelperAnswer.h"
#include "wasmproxy/oci/Error.h"

#include "Oracle.h"

#include <optional>

using namespace wasmproxy;

namespace {

void requirePrintable(const std::string& text) {
    for (const char c : text)
        REQUIRE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

template <class Result, class Action>
std::optional<Result> works(Action action) {
    try {
        return action();
    } catch (const Error& error) {
        REQUIRE(error.code() == ErrorCode::CredentialSourceFault);
        requirePrintable(error.what());
        return std::nullopt;
    }
}

void requireCredential(const Credential& credential) {
    REQUIRE(credential.kind != Credential::Kind::Anonymous);
    REQUIRE(credential.kind == Credential::Kind::BearerToken ||
            (credential.username == "<token>") == (credential.kind == Credential::Kind::IdentityToken) ||
            credential.kind == Credential::Kind::IdentityToken);
}

void readAsConfig(std::string_view text) {
    const auto plain = works<CredentialEntries>([&] { return parseDockerConfig(text, "/c"); });
    const auto whole = works<DockerConfig>([&] { return readDockerConfig(text, "/c"); });
    if (!whole) return;
    REQUIRE(plain); // helpers can only add reasons to refuse
    REQUIRE(plain->entries.size() == whole->auths.entries.size());
    for (std::size_t i = 0; i < plain->entries.size(); ++i) {
        requireCredential(plain->entries[i].credential);
        REQUIRE(plain->entries[i].credential.secret == whole->auths.entries[i].credential.secret);
        requirePrintable(plain->entries[i].credential.name);
    }
    for (const std::string& line : whole->auths.warnings)
        requirePrintable(line);
    for (const char* host : {"docker.io", "reg.io", "reg.io:5000", "123.dkr.ecr.eu-west-1.amazonaws.com"}) {
        const Repository repository(host, "team/app");
        REQUIRE(whole->helpersOf(repository).size() <= 2);
        REQUIRE(matchingCredentials(whole->auths.entries, repository).size() <= whole->auths.entries.size());
    }
}

void readAsOutput(std::string_view text) {
    const auto answer = works<std::optional<Credential>>([&] { return parseHelperAnswer(text, "helper"); });
    if (answer && *answer) {
        requireCredential(**answer);
        REQUIRE(!(*answer)->secret.empty() && !(*answer)->username.empty());
        REQUIRE(helperMessage(text).empty()); // what could be an answer is never shown
    }
    const std::string message = helperMessage(text);
    REQUIRE(message.size() <= 163);
    requirePrintable(message);
    saysNotFound(text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    readAsConfig(text);
    readAsOutput(text);
    const std::string name(text.substr(0, 64));
    if (isHelperName(name)) REQUIRE(name.find('/') == std::string::npos && !name.empty());
    return 0;
}
