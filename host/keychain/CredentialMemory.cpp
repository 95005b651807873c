// SPDX-License-Identifier: Apache-2.0
#include "keychain/CredentialMemory.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

/// Drops what is over; where that is not enough, the one that would be over first.
template <typename Entries, typename IsOver>
void makeRoom(Entries& entries, std::size_t capacity, IsOver isOver) {
    if (entries.size() < capacity) return;
    auto soonest = entries.end();
    for (auto it = entries.begin(); it != entries.end();) {
        if (isOver(it->second)) {
            it = entries.erase(it);
            continue;
        }
        if (soonest == entries.end() || it->second.until < soonest->second.until) soonest = it;
        ++it;
    }
    if (entries.size() >= capacity) entries.erase(soonest);
}

} // namespace

Error CredentialMemory::refused(const Repository& repository, const Credential& credential, const Error& error) {
    // Anonymous has no password that could be wrong: what is refused to it, is refused for the repository.
    const bool wholeRegistry =
        error.code() == ErrorCode::CredentialRefused && credential.kind != Credential::Kind::Anonymous;
    const auto fingerprint = credential.fingerprint();
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (wholeRegistry) {
            reject({repository.host(), fingerprint}, credential, error);
        } else {
            deny({repository.str(), fingerprint}, credential, error);
        }
    }
    return refusal(repository, credential).value_or(error);
}

void CredentialMemory::reject(const Key& key, const Credential& credential, const Error& error) {
    const auto now = Clock::now();
    // A refusal that is over is kept for the length of the next wait.
    makeRoom(_rejected, MaxEntries, [&](const Rejection& each) { return each.until + _longest <= now; });
    // The longest wait has its chance below it.
    const auto most = _longest - _longest / 6;
    auto wait = std::min(_refusedFor, most);
    if (const auto before = _rejected.find(key); before != _rejected.end()) {
        if (before->second.until > now) return; // of the same try, by a request that was on its way with it
        if (before->second.until + _longest > now) wait = std::min(before->second.wait * 2, most);
    }
    std::uniform_int_distribution<std::int64_t> chance(0, wait.count() / 5);
    const auto until = now + wait + std::chrono::milliseconds(chance(_chance));
    _rejected.insert_or_assign(key, Rejection{credential.name, error, wait, until});
}

void CredentialMemory::deny(const Key& key, const Credential& credential, const Error& error) {
    const auto now = Clock::now();
    makeRoom(_denied, MaxEntries, [&](const Denial& each) { return each.until <= now; });
    _denied.insert_or_assign(key, Denial{credential.name, error, now + _refusedFor});
}

void CredentialMemory::accepted(const Repository& repository, const Credential& credential) {
    const auto fingerprint = credential.fingerprint();
    const std::lock_guard<std::mutex> lock(_mutex);
    _denied.erase({repository.str(), fingerprint});
    const auto rejected = _rejected.find({repository.host(), fingerprint});
    if (rejected != _rejected.end() && rejected->second.until <= Clock::now()) _rejected.erase(rejected);
    if (_worked.size() >= MaxEntries) _worked.erase(_worked.begin());
    _worked[repository.str()] = {fingerprint, credential.name};
    if (_accepted.size() >= MaxEntries) _accepted.erase(_accepted.begin());
    _accepted[credential.name] = std::chrono::system_clock::now();
}

void CredentialMemory::inForce(const Repository& repository, const std::vector<Credential>& credentials) {
    const std::lock_guard<std::mutex> lock(_mutex);
    auto rejected = _rejected.lower_bound({repository.host(), {}});
    if (rejected == _rejected.end() || rejected->first.first != repository.host()) return;
    std::map<std::string, std::string> names; // by fingerprint
    for (const auto& credential : credentials)
        names.emplace(credential.fingerprint(), credential.name);
    while (rejected != _rejected.end() && rejected->first.first == repository.host()) {
        const bool renamed = std::any_of(names.begin(), names.end(),
                                         [&](const auto& each) { return each.second == rejected->second.name; });
        const bool changed = renamed && names.count(rejected->first.second) == 0;
        rejected = changed ? _rejected.erase(rejected) : std::next(rejected);
    }
}

std::optional<Error> CredentialMemory::refusal(const Repository& repository, const Credential& credential) const {
    const auto fingerprint = credential.fingerprint();
    const auto now = Clock::now();
    const std::lock_guard<std::mutex> lock(_mutex);
    if (const auto found = _rejected.find({repository.host(), fingerprint});
        found != _rejected.end() && found->second.until > now)
        return described(found->second.error, repository.host(), credential.name, found->second.until);
    if (const auto found = _denied.find({repository.str(), fingerprint});
        found != _denied.end() && found->second.until > now)
        return described(found->second.error, repository.str(), credential.name, found->second.until);
    return std::nullopt;
}

Error CredentialMemory::described(const Error& error, const std::string& where, const std::string& name,
                                  Clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(until - Clock::now()).count() + 1;
    std::string hint = "credential '" + name + "' is shown to " + where + " again in " + std::to_string(left) +
                       " s, or at once when it changes";
    if (!error.hint().empty()) hint = error.hint() + "; " + hint;
    return Error(error.code(), error.what(), hint).withRetryAfter(error.retryAfter());
}

bool CredentialMemory::lastWorked(const Repository& repository, const Credential& credential) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _worked.find(repository.str());
    return found != _worked.end() && found->second.fingerprint == credential.fingerprint();
}

/// Those in force; with `where` only of that registry or repository.
template <class Entries>
void CredentialMemory::list(const Entries& entries, const std::string& where, std::vector<Refusal>& refusals) {
    const auto now = Clock::now();
    const auto wall = std::chrono::system_clock::now();
    for (auto it = where.empty() ? entries.begin() : entries.lower_bound({where, {}}); it != entries.end(); ++it) {
        if (!where.empty() && it->first.first != where) break;
        if (it->second.until <= now) continue;
        refusals.push_back({it->second.name, it->first.first, it->second.error.what(),
                            wall + std::chrono::duration_cast<std::chrono::seconds>(it->second.until - now)});
    }
}

std::vector<CredentialMemory::Refusal> CredentialMemory::refusals() const {
    std::vector<Refusal> refusals;
    const std::lock_guard<std::mutex> lock(_mutex);
    list(_rejected, {}, refusals);
    list(_denied, {}, refusals);
    return refusals;
}

std::vector<CredentialMemory::Refusal> CredentialMemory::refusals(const Repository& repository) const {
    std::vector<Refusal> refusals;
    const std::lock_guard<std::mutex> lock(_mutex);
    list(_rejected, repository.host(), refusals);
    list(_denied, repository.str(), refusals);
    return refusals;
}

std::string CredentialMemory::worked(const Repository& repository) const {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto found = _worked.find(repository.str());
    return found == _worked.end() ? std::string() : found->second.name;
}

std::map<std::string, std::chrono::system_clock::time_point> CredentialMemory::accepted() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _accepted;
}

} // namespace wasmproxy::host
