// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Call.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace wasmproxy {

/// What several hosts tell each other beside contents: the ability "shared-store/1" of a CacheStore that all of them
/// use at once. Having it says that the store is shared: what is in it may go at any time, and it may be out of reach.
/// Owned by the store; thread-safe. Whoever can write the store decides what the records say. Throws
/// Error{StorageFault}, soon: the host goes on without it.
class SharedStore {
public:
    static constexpr const char* Id = "shared-store/1";
    static constexpr std::size_t MaxRecord = 64 * 1024; ///< bytes of a value
    static constexpr std::size_t MaxKey = 512;          ///< bytes of a key, printable ASCII without spaces

    /// A claim that no other host has meanwhile. Destroyed: given back, so that another may have it. One thread at a
    /// time uses it.
    class Lock {
    public:
        virtual ~Lock() = default;
        /// Held for `lifetime` from now on, instead of from when it was taken. False: it was over, and may be
        /// another's.
        virtual bool renew(Call& call, std::chrono::milliseconds lifetime) = 0;
    };

    /// The value, whole; nullopt: none, or its lifetime is over.
    virtual std::optional<std::string> record(Call& call, const std::string& key) = 0;
    /// Replaces what was there. `lifetime` from now on, after which the store forgets it by itself if it can.
    virtual void putRecord(Call& call, const std::string& key, const std::string& value,
                           std::chrono::seconds lifetime) = 0;
    virtual void removeRecord(Call& call, const std::string& key) = 0; ///< not there: nothing happens

    /// Whether tryLock() means anything here; constant.
    virtual bool canLock() const noexcept = 0;
    /// nullptr: another has it. After `lifetime` it is given back whatever happens to this process.
    virtual std::unique_ptr<Lock> tryLock(Call& call, const std::string& key, std::chrono::milliseconds lifetime) = 0;

protected:
    ~SharedStore() = default;
};

} // namespace wasmproxy
