// SPDX-License-Identifier: Apache-2.0
#include "pull/FailureLog.h"

#include <algorithm>

namespace wasmproxy::host {
namespace {

constexpr std::size_t MaxCallers = 10;
constexpr std::size_t MaxCauses = 5;
constexpr std::size_t LongestReference = 512;
constexpr std::size_t LongestText = 2048;

/// Puts `value` first, and drops what is too many.
void toFront(std::vector<std::string>& values, const std::string& value, std::size_t most) {
    const auto known = std::find(values.begin(), values.end(), value);
    if (known != values.end())
        std::rotate(values.begin(), known, known + 1);
    else
        values.insert(values.begin(), value);
    if (values.size() > most) values.resize(most);
}

bool isRefusal(ErrorCode code) {
    switch (code) {
    case ErrorCode::ReferenceInvalid:
    case ErrorCode::DigestInvalid:
    case ErrorCode::RouteUnknown:
    case ErrorCode::CallerRefused:
    case ErrorCode::ModuleUnknown:
    case ErrorCode::MethodUnsupported:
        return true;
    default:
        return false;
    }
}

} // namespace

void FailureLog::pullFailed(Failure failure, const Error& error) {
    const std::lock_guard<std::mutex> lock(_mutex);
    add(_pulls, MaxReferences - MaxRefused, std::move(failure), error);
}

void FailureLog::requestRefused(Failure failure, const Error& error) {
    if (!isRefusal(error.code())) return;
    const std::lock_guard<std::mutex> lock(_mutex);
    add(_refused, MaxRefused, std::move(failure), error);
}

void FailureLog::add(Kind& kind, std::size_t most, Failure failure, const Error& error) {
    // What signs a url is in its query.
    failure.reference.resize(std::min({failure.reference.size(), failure.reference.find('?'), LongestReference}));
    auto& entries = kind.entries;
    const auto known = kind.places.find(failure.reference);
    if (known != kind.places.end()) {
        entries.splice(entries.begin(), entries, known->second);
    } else {
        entries.emplace_front();
        entries.front().reference = failure.reference;
        kind.places.emplace(failure.reference, entries.begin());
    }
    auto& entry = entries.front();
    entry.number = ++_last;
    entry.registry = std::move(failure.registry);
    entry.credentials = std::move(failure.credentials);
    for (const auto& caller : failure.callers)
        toFront(entry.callers, caller, MaxCallers);
    entry.nextTry = failure.nextTry;
    entry.recoveredAt.reset();

    auto& causes = entry.causes;
    const auto now = std::chrono::system_clock::now();
    const auto same =
        std::find_if(causes.begin(), causes.end(), [&](const Cause& each) { return each.code == error.code(); });
    if (same != causes.end()) {
        std::rotate(causes.begin(), same, same + 1);
    } else {
        causes.emplace(causes.begin());
        causes.front().firstSeen = now;
        if (causes.size() > MaxCauses) causes.pop_back();
    }
    auto& cause = causes.front();
    cause.code = error.code();
    cause.message = std::string(error.what()).substr(0, LongestText);
    cause.hint = error.hint().substr(0, LongestText);
    cause.requestId = std::move(failure.requestId);
    cause.lastSeen = now;
    ++cause.count;

    if (entries.size() > most) {
        kind.places.erase(entries.back().reference);
        entries.pop_back();
    }
}

void FailureLog::askedAgain(const std::string& reference, const std::string& caller) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto known = _pulls.places.find(reference);
    if (known != _pulls.places.end()) toFront(known->second->callers, caller, MaxCallers);
}

void FailureLog::recovered(const std::string& reference) {
    const std::lock_guard<std::mutex> lock(_mutex);
    const auto known = _pulls.places.find(reference);
    if (known == _pulls.places.end()) return;
    known->second->recoveredAt = std::chrono::system_clock::now();
    known->second->nextTry.reset();
}

std::vector<FailureLog::Entry> FailureLog::entries() const {
    std::vector<Entry> all;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        all.reserve(_pulls.entries.size() + _refused.entries.size());
        all.assign(_pulls.entries.begin(), _pulls.entries.end());
        all.insert(all.end(), _refused.entries.begin(), _refused.entries.end());
    }
    std::sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.number > b.number; });
    return all;
}

} // namespace wasmproxy::host
