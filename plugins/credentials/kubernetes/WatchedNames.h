// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "SecretWatch.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace wasmproxy::kubernetes {

/// The Secrets that are followed one by one: those kept because a setting names them, and those that were asked for
/// once, as long as there is room. Each with a field selector for its name alone, so that a Role with resourceNames is
/// enough. Bounded; thread-safe.
class WatchedNames {
public:
    using Milliseconds = std::chrono::milliseconds;
    struct Bounds {
        std::size_t names = 256;
        Milliseconds idle = std::chrono::hours(1); ///< what nobody asked for as long makes room for others
    };

    WatchedNames(ApiClient& client, std::string nameSpace, const WatchTiming& timing, const Bounds& bounds);

    /// Follows exactly these until told otherwise, beside those that are asked for.
    void keep(const std::set<std::string>& names);
    /// Follows it from now on, if it was not. Throws Error{CredentialSourceFault} where there are too many.
    std::shared_ptr<SecretWatch> watch(const std::string& name);
    std::size_t size() const;

private:
    using Clock = std::chrono::steady_clock;
    struct Entry {
        std::shared_ptr<SecretWatch> watch;
        Clock::time_point asked;
        bool kept = false;
    };
    using Dropped = std::vector<std::shared_ptr<SecretWatch>>;

    Entry& entry(const std::string& name, SecretWatch::Use use, Dropped& dropped);
    void dropIdle(Dropped& dropped);

    ApiClient& _client;
    const std::string _nameSpace;
    const WatchTiming _timing;
    const Bounds _bounds;
    mutable std::mutex _mutex;
    std::map<std::string, Entry> _entries;
};

} // namespace wasmproxy::kubernetes
