// SPDX-License-Identifier: Apache-2.0
#include "WatchedNames.h"

namespace wasmproxy::kubernetes {

WatchedNames::WatchedNames(ApiClient& client, std::string nameSpace, const WatchTiming& timing, const Bounds& bounds)
    : _client(client), _nameSpace(std::move(nameSpace)), _timing(timing), _bounds(bounds) {}

void WatchedNames::keep(const std::set<std::string>& names) {
    Dropped dropped; // ends last: joining their threads needs no lock
    const std::lock_guard<std::mutex> lock(_mutex);
    for (auto& [name, entry] : _entries)
        entry.kept = names.count(name) != 0;
    for (const std::string& name : names)
        entry(name, SecretWatch::Use::Everywhere, dropped).kept = true;
}

std::shared_ptr<SecretWatch> WatchedNames::watch(const std::string& name) {
    Dropped dropped;
    const std::lock_guard<std::mutex> lock(_mutex);
    return entry(name, SecretWatch::Use::ByName, dropped).watch;
}

std::size_t WatchedNames::size() const {
    const std::lock_guard<std::mutex> lock(_mutex);
    return _entries.size();
}

WatchedNames::Entry& WatchedNames::entry(const std::string& name, SecretWatch::Use use, Dropped& dropped) {
    auto found = _entries.find(name);
    if (found == _entries.end()) {
        // Only to make room: while the API server is away, what is let go cannot be read again.
        if (_entries.size() >= _bounds.names) dropIdle(dropped);
        if (_entries.size() >= _bounds.names)
            throw Error(ErrorCode::CredentialSourceFault,
                        "Secret " + _nameSpace + "/" + name + " is not followed: " + std::to_string(_bounds.names) +
                            " others are, as many as there may be",
                        "use fewer Secrets, each with the credentials of several registries");
        found = _entries
                    .emplace(name, Entry{std::make_shared<SecretWatch>(_client, _nameSpace, Selection{name, {}, {}},
                                                                       use, _timing),
                                         {},
                                         false})
                    .first;
    }
    found->second.asked = Clock::now();
    return found->second;
}

void WatchedNames::dropIdle(Dropped& dropped) {
    const auto oldest = Clock::now() - _bounds.idle;
    for (auto i = _entries.begin(); i != _entries.end();) {
        if (i->second.kept || i->second.asked > oldest) {
            ++i;
            continue;
        }
        dropped.push_back(std::move(i->second.watch));
        i = _entries.erase(i);
    }
}

} // namespace wasmproxy::kubernetes
