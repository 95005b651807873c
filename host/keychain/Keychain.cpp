// SPDX-License-Identifier: Apache-2.0
#include "keychain/Keychain.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr std::size_t MaxCredentials = 64; // per repository; more is a configuration that nobody can reason about

} // namespace

std::vector<Credential> Keychain::find(Call& call, const Repository& repository,
                                       const std::vector<std::string>& sources) const {
    std::vector<Credential> found;
    std::vector<std::string> seen;
    for (const auto& name : sources) {
        const auto source =
            std::find_if(_sources.begin(), _sources.end(), [&](const Source& each) { return each.name == name; });
        if (source == _sources.end()) throw Error(ErrorCode::Internal, "no credential source named " + name);
        std::vector<Credential> answer;
        try {
            answer = source->source->find(call, {repository, {}});
        } catch (const Error& error) {
            throw Error(error.code(), "credential." + name + ": " + error.what(), error.hint());
        }
        for (auto& credential : answer) {
            const auto fingerprint = credential.fingerprint();
            if (std::find(seen.begin(), seen.end(), fingerprint) != seen.end()) continue;
            if (found.size() == MaxCredentials) return found;
            seen.push_back(fingerprint);
            credential.name = name + ": " + credential.name;
            found.push_back(std::move(credential));
        }
    }
    return found;
}

} // namespace wasmproxy::host
