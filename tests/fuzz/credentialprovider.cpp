// SPDX-License-Identifier: Apache-2.0
// Any bytes as a CredentialProviderConfig and as a provider's response: never a crash, only Errors; what is accepted
// names no program outside its directory and holds credentials alone.
#include "ProviderAnswer.h"
#include "ProviderConfig.h"
#include "YamlAsJson.h"
#include "wasmproxy/oci/Error.h"

#include "Oracle.h"

using namespace wasmproxy;

namespace {

template <class Action>
void attempt(Action action) {
    try {
        action();
    } catch (const Error& error) {
        REQUIRE(error.code() == ErrorCode::CredentialSourceFault);
    }
}

void readConfig(std::string_view text) {
    const auto providers = file::parseProviderConfig(text, "/c");
    REQUIRE(!providers.empty());
    for (const auto& provider : providers) {
        REQUIRE(!provider.name.empty() && provider.name.find('/') == std::string::npos);
        REQUIRE(provider.name != "." && provider.name != "..");
        REQUIRE(!provider.images.empty() && provider.defaultCacheDuration.count() >= 0);
        for (const std::string& variable : provider.environment)
            REQUIRE(variable.find('=') != std::string::npos && variable.front() != '=');
        provider.knows(Repository("reg.io", "team/app"));
    }
}

void readAnswer(std::string_view text) {
    const auto answer = file::parseProviderAnswer(text, "provider", "answer");
    REQUIRE(!answer.cacheDuration || answer.cacheDuration->count() >= 0);
    for (const auto& entry : answer.entries)
        REQUIRE(entry.credential.kind == Credential::Kind::Basic);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    attempt([&] { readConfig(text); });
    attempt([&] { readAnswer(text); });
    return 0;
}
