// SPDX-License-Identifier: Apache-2.0
#include "keychain/Keychain.h"

#include "observe/Log.h"
#include "wasmproxy/plugin/SecretUnknown.h"

#include <algorithm>
#include <optional>

namespace wasmproxy::host {
namespace {

constexpr std::size_t MaxCredentials = 64;  // per repository; more is a configuration that nobody can reason about
constexpr std::chrono::minutes SayAgain{1}; // of a source that fails with every pull

Error unknownSecret(const std::string& secret, const Repository& repository, const std::vector<std::string>& sources) {
    std::string asked;
    for (const auto& source : sources)
        asked += (asked.empty() ? "credential." : ", credential.") + source;
    return Error(
        ErrorCode::CredentialSourceFault,
        "no credential source has a Secret '" + secret + "' with a credential for " + repository.host() +
            (asked.empty() ? " (there is no source to ask)" : " (asked: " + asked + ")"),
        "a [credential.x] with plugin = kubernetes reads Secrets of its namespace; create the Secret there, or "
        "correct its name");
}

Error fault(const std::string& source, const Error& error) {
    return Error(error.code(), "credential." + source + ": " + error.what(), error.hint());
}

/// What the sources said of a Secret that none of them has, in one.
Error together(const std::optional<Error>& before, const Error& error) {
    if (!before) return error;
    return Error(error.code(), std::string(before->what()) + "; " + error.what(), before->hint() + "; " + error.hint());
}

} // namespace

void Keychain::add(Source source) {
    const std::unique_lock<std::shared_mutex> lock(_mutex);
    _sources.push_back(std::move(source));
}

void Keychain::remove(const std::string& name) {
    {
        const std::unique_lock<std::shared_mutex> lock(_mutex);
        _sources.erase(
            std::remove_if(_sources.begin(), _sources.end(), [&](const Source& each) { return each.name == name; }),
            _sources.end());
    }
    const std::lock_guard<std::mutex> lock(_usesMutex);
    _uses.erase(name);
    _said.erase(name);
}

CredentialSource* Keychain::source(const std::string& name) const {
    const std::shared_lock<std::shared_mutex> lock(_mutex);
    const auto found =
        std::find_if(_sources.begin(), _sources.end(), [&](const Source& each) { return each.name == name; });
    return found == _sources.end() ? nullptr : found->source;
}

std::vector<Credential> Keychain::find(Call& call, const Repository& repository,
                                       const std::vector<std::string>& sources, const std::string& secretName) const {
    std::vector<Credential> found;
    std::vector<std::string> seen;
    std::optional<Error> unknown;
    for (const auto& name : sources) {
        auto* asked = source(name);
        if (!asked) throw Error(ErrorCode::Internal, "no credential source named " + name);
        std::vector<Credential> answer;
        try {
            answer = asked->find(call, {repository, secretName});
            answered(name);
        } catch (const SecretUnknown& error) {
            answered(name);
            unknown = together(unknown, fault(name, error));
        } catch (const Error& error) {
            failed(name, error);
            if (found.empty()) throw fault(name, error);
            passedOver(call, name, error);
            return found;
        }
        for (auto& credential : answer) {
            const auto fingerprint = credential.fingerprint();
            if (std::find(seen.begin(), seen.end(), fingerprint) != seen.end()) continue;
            if (found.size() == MaxCredentials) return found;
            seen.push_back(fingerprint);
            credential.name = name + ": " + credential.name;
            found.push_back(std::move(credential));
        }
        if (!secretName.empty() && !found.empty()) return found;
    }
    if (unknown && found.empty()) throw *unknown;
    if (!secretName.empty()) throw unknownSecret(secretName, repository, sources);
    return found;
}

void Keychain::answered(const std::string& name) const {
    const std::lock_guard<std::mutex> lock(_usesMutex);
    auto& use = _uses[name];
    ++use.asked;
    use.lastSuccess = std::chrono::system_clock::now();
}

void Keychain::failed(const std::string& name, const Error& error) const {
    const std::lock_guard<std::mutex> lock(_usesMutex);
    auto& use = _uses[name];
    ++use.asked;
    ++use.failed;
    use.lastFailure = std::chrono::system_clock::now();
    use.lastError = error.what();
}

void Keychain::passedOver(const Call& call, const std::string& name, const Error& error) const {
    {
        const std::lock_guard<std::mutex> lock(_usesMutex);
        const auto now = Call::Clock::now();
        const auto [said, first] = _said.emplace(name, now);
        if (!first && now - said->second < SayAgain) return;
        said->second = now;
    }
    log(LogLevel::Warning, "a credential source failed; only those before it are used",
        {{"request", call.requestId()},
         {"trace", call.trace().traceId()},
         {"source", "credential." + name},
         {"cause", error.what()},
         {"hint", error.hint()}});
}

std::map<std::string, Keychain::Use> Keychain::uses() const {
    std::map<std::string, Use> all;
    {
        const std::lock_guard<std::mutex> lock(_usesMutex);
        all = _uses;
    }
    const std::shared_lock<std::shared_mutex> lock(_mutex);
    for (const auto& source : _sources)
        all[source.name];
    return all;
}

} // namespace wasmproxy::host
