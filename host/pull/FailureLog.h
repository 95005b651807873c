// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace wasmproxy::host {

/// What went wrong lately, by reference: for whoever is told "it does not work" and has no log at hand. Bounded: the
/// references that failed last. Requests that were refused whatever a pull says have a bound of their own, so that
/// nonsense from anybody pushes out no cause of a pull. Thread-safe.
class FailureLog {
public:
    using Time = std::chrono::system_clock::time_point;
    static constexpr std::size_t MaxReferences = 1000; ///< of which requests refused at most
    static constexpr std::size_t MaxRefused = 200;

    /// One failure, as it happens.
    struct Failure {
        std::string reference;                      ///< canonical; what was asked for where it is none
        std::string registry = {};                  ///< host; empty: none was asked
        std::vector<std::string> credentials = {};  ///< names of those that were refused, or of the one in use
        std::vector<std::string> callers = {};      ///< addresses
        std::string requestId = {};                 ///< of the log's lines about it
        std::optional<Time> nextTry = std::nullopt; ///< nullopt: at the next request
    };
    struct Cause {
        ErrorCode code = ErrorCode::Internal;
        std::string message;
        std::string hint;
        std::string requestId; ///< of the last
        Time firstSeen;
        Time lastSeen;
        std::uint64_t count = 0;
    };
    struct Entry {
        std::string reference;
        std::string registry;
        std::vector<std::string> credentials;
        std::vector<std::string> callers; ///< the last ten, newest first
        std::vector<Cause> causes;        ///< one per code, the last five, newest first
        std::optional<Time> nextTry;
        std::optional<Time> recoveredAt; ///< it was pulled since
        std::uint64_t number = 0;        ///< greater for what failed later; never given twice
    };

    /// Each attempt that failed.
    void pullFailed(Failure failure, const Error& error);
    /// A request that was answered with an error; codes that only a pull has are left out.
    void requestRefused(Failure failure, const Error& error);
    /// Somebody was given what is known of an earlier failure.
    void askedAgain(const std::string& reference, const std::string& caller);
    void recovered(const std::string& reference);
    std::vector<Entry> entries() const; ///< newest first

private:
    struct Kind {
        std::list<Entry> entries; // newest first
        std::unordered_map<std::string, std::list<Entry>::iterator> places;
    };
    void add(Kind& kind, std::size_t most, Failure failure, const Error& error);

    mutable std::mutex _mutex;
    Kind _pulls;
    Kind _refused;
    std::uint64_t _last = 0;
};

} // namespace wasmproxy::host
