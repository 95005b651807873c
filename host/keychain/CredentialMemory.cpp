// SPDX-License-Identifier: Apache-2.0
#include "keychain/CredentialMemory.h"

namespace wasmproxy::host {

std::string CredentialMemory::registryKey(const Repository& repository, const Credential& credential) {
    // Anonymous has no password that could be wrong: what is refused to it, is refused for the repository.
    if (credential.kind == Credential::Kind::Anonymous) return repositoryKey(repository, credential);
    return repository.host() + " " + credential.fingerprint();
}

std::string CredentialMemory::repositoryKey(const Repository& repository, const Credential& credential) {
    return repository.str() + " " + credential.fingerprint();
}

void CredentialMemory::refused(const Repository& repository, const Credential& credential, const Error& error) {
    const bool wholeRegistry = error.code() == ErrorCode::CredentialRefused;
    auto key = wholeRegistry ? registryKey(repository, credential) : repositoryKey(repository, credential);
    const auto now = Clock::now();
    const std::lock_guard<std::mutex> lock(_mutex);
    if (_refusals.size() >= MaxEntries) {
        for (auto it = _refusals.begin(); it != _refusals.end();)
            it = it->second.until <= now ? _refusals.erase(it) : ++it;
        if (_refusals.size() >= MaxEntries) _refusals.erase(_refusals.begin());
    }
    _refusals.insert_or_assign(std::move(key), Refusal{error, now + _refusedFor});
}

void CredentialMemory::accepted(const Repository& repository, const Credential& credential) {
    const std::lock_guard<std::mutex> lock(_mutex);
    _refusals.erase(registryKey(repository, credential));
    _refusals.erase(repositoryKey(repository, credential));
    if (_worked.size() >= MaxEntries) _worked.erase(_worked.begin());
    _worked[repository.str()] = credential.fingerprint();
}

std::optional<Error> CredentialMemory::refusal(const Repository& repository, const Credential& credential) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    for (const auto& key : {registryKey(repository, credential), repositoryKey(repository, credential)}) {
        const auto found = _refusals.find(key);
        if (found != _refusals.end() && found->second.until > Clock::now()) return found->second.error;
    }
    return std::nullopt;
}

bool CredentialMemory::lastWorked(const Repository& repository, const Credential& credential) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _worked.find(repository.str());
    return found != _worked.end() && found->second == credential.fingerprint();
}

} // namespace wasmproxy::host
