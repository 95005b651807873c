// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace wasmproxy::host {

/// What is made for a host when it is first named and kept for the next time, within a bound: what was used least
/// recently goes for another once nobody holds it. One thread at a time; those that hold a value may let go any time.
template <class Value>
class HeldByHost {
public:
    using Held = std::shared_ptr<Value>;

    explicit HeldByHost(std::size_t most) : _most(most) {}

    /// `make` is called where there is nothing, `drop` with what goes for it. Throws Error{Busy} where all are held.
    Held get(
        const std::string& host, const std::function<Held()>& make,
        const std::function<void(Value&)>& drop = [](Value&) {}) {
        auto found = _entries.find(host);
        if (found == _entries.end()) {
            if (_entries.size() >= _most) makeRoom(drop);
            found = _entries.emplace(host, Entry{make(), 0}).first;
        }
        found->second.used = ++_uses;
        return found->second.value;
    }

    template <class Visitor>
    void each(Visitor visitor) const {
        for (const auto& [host, entry] : _entries)
            visitor(*entry.value);
    }

private:
    struct Entry {
        Held value;
        std::uint64_t used;
    };

    void makeRoom(const std::function<void(Value&)>& drop) {
        auto oldest = _entries.end();
        for (auto it = _entries.begin(); it != _entries.end(); ++it)
            if (it->second.value.use_count() == 1 &&
                (oldest == _entries.end() || it->second.used < oldest->second.used))
                oldest = it;
        if (oldest == _entries.end())
            throw Error(ErrorCode::Busy, "modules of Extensions are being pulled from " + std::to_string(_most) +
                                             " hosts at the same time");
        drop(*oldest->second.value);
        _entries.erase(oldest);
    }

    std::size_t _most;
    std::uint64_t _uses = 0;
    std::map<std::string, Entry> _entries;
};

} // namespace wasmproxy::host
