// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionCatalog.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace wasmproxy::host {

using Extensions = std::vector<std::shared_ptr<const Extension>>;

struct ExtensionCatalog::State {
    std::map<std::string, std::vector<ExtensionDocument>> documents; // by source
    std::map<std::string, Entry> inForce;                            // by name

    // Of those in force: every request of the data plane asks.
    std::unordered_map<std::string, Extensions> byReference;
    std::unordered_map<std::string, Extensions> byUrl;
    std::map<Repository, Extensions> byRepository;
};

ExtensionCatalog::ExtensionCatalog(bool enabled) : _enabled(enabled), _state(std::make_unique<State>()) {}

ExtensionCatalog::~ExtensionCatalog() = default;

void ExtensionCatalog::enable(bool enabled) {
    const bool before = _enabled.exchange(enabled);
    ++_version;
    if (before || !enabled || !_changeListener) return;
    std::vector<std::string> names;
    {
        const std::shared_lock<std::shared_mutex> lock(_mutex);
        for (const auto& [name, entry] : _state->inForce)
            names.push_back(name);
    }
    for (const auto& name : names)
        _changeListener(name);
}

std::shared_ptr<const Extension> ExtensionCatalog::find(const std::string& name) const {
    if (!_enabled) return nullptr;
    const std::shared_lock<std::shared_mutex> lock(_mutex);
    const auto found = _state->inForce.find(name);
    return found == _state->inForce.end() ? nullptr : found->second.document.extension;
}

Extensions ExtensionCatalog::byReference(const Reference& reference) const {
    if (!_enabled) return {};
    const std::shared_lock<std::shared_mutex> lock(_mutex);
    if (_state->byReference.empty()) return {}; // every request of a route comes here
    const auto found = _state->byReference.find(reference.str());
    return found == _state->byReference.end() ? Extensions() : found->second;
}

Extensions ExtensionCatalog::byUrl(const std::string& httpUrl) const {
    if (!_enabled) return {};
    const std::shared_lock<std::shared_mutex> lock(_mutex);
    const auto found = _state->byUrl.find(httpUrl);
    return found == _state->byUrl.end() ? Extensions() : found->second;
}

Extensions ExtensionCatalog::byRepository(const Repository& repository) const {
    if (!_enabled) return {};
    const std::shared_lock<std::shared_mutex> lock(_mutex);
    const auto found = _state->byRepository.find(repository);
    return found == _state->byRepository.end() ? Extensions() : found->second;
}

void ExtensionCatalog::replace(const std::string& source, std::vector<ExtensionDocument> documents) {
    std::vector<std::string> changed;
    {
        const std::unique_lock<std::shared_mutex> lock(_mutex);
        _state->documents[source] = std::move(documents);
        changed = settle();
        ++_version;
    }
    if (!_enabled || !_changeListener) return;
    for (const auto& name : changed)
        _changeListener(name);
}

std::vector<std::string> ExtensionCatalog::settle() {
    std::vector<std::string> changed;
    struct Claim {
        const std::string* source;
        const ExtensionDocument* document;
    };
    std::map<std::string, std::vector<Claim>> claims;
    for (const auto& [source, documents] : _state->documents)
        for (const auto& document : documents)
            if (document.extension) claims[document.name].push_back({&source, &document});

    std::map<std::string, Entry> inForce;
    for (const auto& [name, all] : claims) {
        const auto before = _state->inForce.find(name);
        const bool known = before != _state->inForce.end();
        const auto had = std::find_if(all.begin(), all.end(), [&](const Claim& claim) {
            return known && *claim.source == before->second.source &&
                   claim.document->origin == before->second.document.origin;
        });
        const Claim& chosen = had == all.end() ? all.front() : *had;
        Entry entry{*chosen.document, *chosen.source, {}};
        const auto& now = *entry.document.extension;
        const auto same = [&](const Extension& then) { return then.url == now.url && then.sha256 == now.sha256; };
        if (known && same(*before->second.document.extension)) entry.outcome = before->second.outcome;
        if (!known || !same(*before->second.document.extension) ||
            before->second.document.extension->imagePullSecret != now.imagePullSecret)
            changed.push_back(name);
        inForce.emplace(name, std::move(entry));
    }
    _state->inForce = std::move(inForce);

    _state->byReference.clear();
    _state->byUrl.clear();
    _state->byRepository.clear();
    for (const auto& [name, entry] : _state->inForce) {
        const auto& extension = entry.document.extension;
        _state->byRepository[extension->reference.repository()].push_back(extension);
        if (extension->httpUrl.empty())
            _state->byReference[extension->reference.str()].push_back(extension);
        else
            _state->byUrl[extension->httpUrl].push_back(extension);
    }
    return changed;
}

std::vector<ExtensionCatalog::Entry> ExtensionCatalog::entries() const {
    std::vector<Entry> result;
    {
        const std::shared_lock<std::shared_mutex> lock(_mutex);
        for (const auto& [source, documents] : _state->documents) {
            for (const auto& document : documents) {
                Entry entry{document, source, {}};
                if (document.extension) {
                    const Entry& holder = _state->inForce.at(document.name);
                    if (holder.document.extension == document.extension) {
                        entry.outcome = holder.outcome;
                    } else {
                        entry.document.extension = nullptr;
                        entry.document.problems.push_back(
                            {"metadata.name", "the name belongs to the Extension in " + holder.document.origin});
                    }
                }
                result.push_back(std::move(entry));
            }
        }
    }
    std::stable_sort(result.begin(), result.end(),
                     [](const Entry& a, const Entry& b) { return a.document.name < b.document.name; });
    return result;
}

void ExtensionCatalog::record(const std::string& name, const ExtensionOutcome& outcome) {
    Entry changed;
    {
        const std::unique_lock<std::shared_mutex> lock(_mutex);
        const auto found = _state->inForce.find(name);
        if (found == _state->inForce.end()) return;
        ExtensionOutcome& known = found->second.outcome;
        const auto before = known;
        known.at = outcome.at;
        known.error = outcome.error;
        if (outcome.manifest) known.manifest = outcome.manifest;
        if (outcome.module) known.module = outcome.module;
        const bool first = before.at == std::chrono::system_clock::time_point{};
        if (!first && before.manifest == known.manifest && before.module == known.module && before.error == known.error)
            return;
        if (!_outcomeListener) return;
        changed = found->second;
    }
    _outcomeListener(changed);
}

void ExtensionCatalog::onOutcome(std::function<void(const Entry&)> listener) {
    _outcomeListener = std::move(listener);
}

void ExtensionCatalog::onChange(std::function<void(const std::string&)> listener) {
    _changeListener = std::move(listener);
}

} // namespace wasmproxy::host
