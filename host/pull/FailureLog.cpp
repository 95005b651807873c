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

/// Those of a pull are told by its attempts.
bool isRefusal(ErrorCode code) {
    switch (code) {
    case ErrorCode::ReferenceInvalid:
    case ErrorCode::DigestInvalid:
    case ErrorCode::RouteUnknown:
    case ErrorCode::CallerRefused:
    case ErrorCode::ModuleUnknown:
    case ErrorCode::MethodUnsupported:
    case ErrorCode::RangeInvalid:
    case ErrorCode::Busy:
        return true;
    default:
        return false;
    }
}

/// What to do where the error itself does not say.
const char* usualHint(ErrorCode code) {
    switch (code) {
    case ErrorCode::ReferenceInvalid:
    case ErrorCode::DigestInvalid:
        return "ask for /fetch/<base64 of oci://host/repository:tag> or …@sha256:<64 hex digits>";
    case ErrorCode::RouteUnknown:
        return "add a [route.NAME] whose match has this repository, or a WasmExtension that names it";
    case ErrorCode::CallerRefused:
        return "add the caller's network to dataplane.allow-from if it may read every routed module";
    case ErrorCode::MethodUnsupported:
        return "modules are fetched by GET";
    case ErrorCode::RangeInvalid:
        return "ask for bytes that the module has, or for all of it";
    case ErrorCode::Busy:
        return "agents ask again; where it happens often, more replicas share the load";
    case ErrorCode::ManifestUnknown:
        return "push it to the registry, or correct the tag; the registry was asked with a credential that it accepts";
    case ErrorCode::ModuleUnknown:
        return "fetch it by its reference once: then its digest is known here";
    case ErrorCode::ModuleUnusable:
        return "push an artifact with one core WebAssembly module; docs/registries.md shows how";
    case ErrorCode::CredentialRefused:
    case ErrorCode::RepositoryDenied:
        return "correct the credential, or what it may read, at its source; a change is seen at once";
    case ErrorCode::UpstreamInvalid:
        return "see what answers in the registry's place: a proxy or login page between, or damaged storage behind it";
    case ErrorCode::UpstreamUnavailable:
    case ErrorCode::DeadlineExceeded:
        return "check that the registry can be reached from here: DNS, firewall, proxy, TLS";
    case ErrorCode::TooManyRequests:
        return "wait, or use a credential with a higher limit, or a mirror";
    case ErrorCode::AddressRefused:
        return "set allow-private-addresses for the backend if that address is meant";
    case ErrorCode::Blocked:
        return "see what the registry's policy finds wrong with the image";
    case ErrorCode::CredentialSourceFault:
        return "correct what the credential source reads";
    case ErrorCode::PluginFault:
        return "the plugin is wrong, not its settings: /api/v1/instances says which library it is of";
    default:
        return "the log has more under the request id";
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
    cause.hint = error.hint().empty() ? usualHint(error.code()) : error.hint().substr(0, LongestText);
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
