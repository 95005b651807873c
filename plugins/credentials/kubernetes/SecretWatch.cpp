// SPDX-License-Identifier: Apache-2.0
#include "SecretWatch.h"

namespace wasmproxy::kubernetes {
namespace {

std::string nameOf(const StrictJson& object) {
    return object.at("metadata").at("name").asString();
}

} // namespace

SecretWatch::SecretWatch(ApiClient& client, const std::string& nameSpace, const Selection& selection, Use use,
                         const WatchTiming& timing)
    : _host(client.host()),
      _nameSpace(nameSpace),
      _selection(selection),
      _use(use),
      _secrets(std::make_shared<const PullSecrets>()),
      _watch(client, ApiResource::secrets(nameSpace), selection, *this, timing) {
    _watch.start();
}

std::shared_ptr<const PullSecrets> SecretWatch::secrets() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _secrets;
}

void SecretWatch::listBegins() {
    _listing.clear();
}

void SecretWatch::listed(const StrictJson& object) {
    read(object, _listing);
}

void SecretWatch::listEnds() {
    publish(std::move(_listing));
    _listing.clear();
}

void SecretWatch::changed(const StrictJson& object) {
    PullSecrets next = *secrets();
    read(object, next);
    publish(std::move(next));
}

void SecretWatch::deleted(const StrictJson& object) {
    PullSecrets next = *secrets();
    next.erase(nameOf(object));
    publish(std::move(next));
}

void SecretWatch::read(const StrictJson& object, PullSecrets& into) {
    const std::string name = nameOf(object);
    // Selectors are the server's to apply; no Secret but the one asked for is ever used.
    if (!_selection.name.empty() && name != _selection.name) return;
    const std::string title = "Secret " + _nameSpace + "/" + name;
    const auto known = secrets();
    const auto before = known->find(name);
    auto secret = std::make_shared<const PullSecret>(PullSecret::read(object, title));
    if (before != known->end() && !secret->version.empty() && before->second->version == secret->version) {
        into[name] = before->second;
        return;
    }
    if (before != known->end() && !secret->entries.empty())
        _host.log(LogLevel::Information, title + " has changed; it is for " + secret->registries());
    for (const std::string& warning : secret->warnings)
        _host.log(LogLevel::Warning, warning);
    if (!secret->unusable.empty() && (_use == Use::Everywhere || before != known->end()))
        _host.log(LogLevel::Warning, title + " gives no credential: " + secret->unusable);
    if (secret->bare && _use == Use::Everywhere)
        _host.log(LogLevel::Warning, title + " names no registry, so it is used only for Extensions that name it");
    into[name] = std::move(secret);
}

void SecretWatch::publish(PullSecrets secrets) {
    const bool absent = secrets.empty() && !_selection.name.empty();
    if (absent && !_saidAbsent && _use == Use::Everywhere)
        _host.log(LogLevel::Warning, title() + " does not exist; it is used once it is there");
    _saidAbsent = absent;
    auto next = std::make_shared<const PullSecrets>(std::move(secrets));
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _secrets.swap(next);
    }
    _knowledge.learned();
}

std::string SecretWatch::title() const {
    if (!_selection.name.empty()) return "Secret " + _nameSpace + "/" + _selection.name;
    return "the Secrets of namespace " + _nameSpace;
}

} // namespace wasmproxy::kubernetes
