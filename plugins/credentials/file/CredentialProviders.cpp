// SPDX-License-Identifier: Apache-2.0
#include "CredentialProviders.h"

#include "HelperProcess.h"
#include "HelperProgram.h"

namespace wasmproxy::file {

namespace {

using Scope = ProviderAnswer::Scope;

std::string keyOf(const std::string& base, Scope scope, const Repository& repository) {
    if (scope == Scope::Global) return base + " *";
    return base + " " + (scope == Scope::Registry ? repository.host() : repository.str());
}

/// A provider that is configured anew is another one: its old answers do not count.
std::string baseOf(const CredentialProvider& provider) {
    std::string result = provider.name + "@" + std::to_string(provider.defaultCacheDuration.count());
    for (const auto* texts : {&provider.arguments, &provider.environment})
        for (const std::string& text : *texts)
            result += " " + std::to_string(text.size()) + ":" + text;
    return result;
}

} // namespace

std::vector<Credential> CredentialProviders::find(Call& call, const std::vector<CredentialProvider>& providers,
                                                  const Repository& repository) {
    std::vector<CredentialEntry> all;
    for (const CredentialProvider& provider : providers) {
        if (!provider.knows(repository)) continue;
        const Answer answer = ask(call, provider, repository);
        all.insert(all.end(), answer->entries.begin(), answer->entries.end());
    }
    return matchingCredentials(all, repository);
}

CredentialProviders::Answer CredentialProviders::ask(Call& call, const CredentialProvider& provider,
                                                     const Repository& repository) {
    const std::string base = baseOf(provider);
    // One run per registry: its answer often holds for all images of it, which is known only afterwards. Where it does
    // not, there is one run per image, and they need not wait for each other.
    std::string key = base + " " + repository.host();
    while (true) {
        if (auto answer = known(base, repository)) return answer;
        const Outcome outcome = _runs.get(call, key, [&]() -> Outcome {
            if (auto answer = known(base, repository)) return {repository.str(), answer};
            const auto asked = std::chrono::steady_clock::now();
            auto answer = run(call, provider, repository);
            const auto keep = std::min(answer->cacheDuration.value_or(provider.defaultCacheDuration), _longest);
            if (keep.count() > 0) _memory.put(keyOf(base, answer->scope, repository), answer, asked + keep);
            return {repository.str(), answer};
        });
        if (outcome.image == repository.str() || outcome.answer->scope != Scope::Image) return outcome.answer;
        key = base + " " + repository.str();
    }
}

CredentialProviders::Answer CredentialProviders::known(const std::string& base, const Repository& repository) {
    for (const Scope scope : {Scope::Image, Scope::Registry, Scope::Global})
        if (auto answer = _memory.find(keyOf(base, scope, repository))) return *answer;
    return nullptr;
}

CredentialProviders::Answer CredentialProviders::run(Call& call, const CredentialProvider& provider,
                                                     const Repository& repository) const {
    std::vector<std::string> environment = _environment;
    environment.insert(environment.end(), provider.environment.begin(), provider.environment.end());
    const std::string what = "credential provider " + provider.name + " for " + repository.host();
    const HelperResult result = runHelper(call,
                                          {findProgram({_directory}, provider.name, "credential-provider-bin-dir"),
                                           provider.arguments, environment, providerRequest(repository)},
                                          Limit);
    if (!result.succeeded())
        throw Error(ErrorCode::CredentialSourceFault, what + " failed: " + result.ending(),
                    "run it by hand as the proxy's user with " + providerRequest(repository) + " on its input");
    auto answer = parseProviderAnswer(result.output.reveal(), provider.name, what);
    // Another image's credential is another one, not this one changed: a refusal of this one stands.
    if (answer.scope == Scope::Image)
        for (CredentialEntry& entry : answer.entries)
            entry.credential.name += " for " + repository.str();
    return std::make_shared<const ProviderAnswer>(std::move(answer));
}

} // namespace wasmproxy::file
