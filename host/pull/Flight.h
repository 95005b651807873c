// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/ModuleService.h"
#include "pull/PullSetup.h"

#include <chrono>
#include <list>
#include <optional>
#include <string>

namespace wasmproxy::host {

/// One request that waits on a Flight.
struct Waiter {
    using Clock = std::chrono::steady_clock;
    Caller caller;
    ModuleCallback callback;
    Clock::time_point since;
    Clock::time_point until; ///< then it is answered with what there is
};

/// One upstream fetch shared by every request that wants it. Belongs to PullService and is guarded by its mutex, but
/// for the constants.
struct Flight {
    using Clock = std::chrono::steady_clock;

    Flight(std::string keyValue, std::shared_ptr<PullSetup> setupValue, PullTarget targetValue, const Caller& first,
           std::optional<std::chrono::system_clock::time_point> aheadOfValue = std::nullopt)
        : key(std::move(keyValue)),
          setup(std::move(setupValue)),
          target(std::move(targetValue)),
          requestId(first.requestId),
          trace(first.trace),
          refresh(first.refresh),
          aheadOf(aheadOfValue),
          ahead(aheadOfValue.has_value()) {}

    const std::string key;
    const std::shared_ptr<PullSetup> setup;
    const PullTarget target;
    const std::string requestId; ///< of the request that started it; in every log line about it
    const Trace trace;           ///< of that request, and passed on upstream
    const bool refresh;          ///< as its Caller's
    /// The validation of a tag that is to be renewed though it counts still; nobody waits for that.
    const std::optional<std::chrono::system_clock::time_point> aheadOf;
    const bool ahead; ///< has aheadOf
    const Clock::time_point started = Clock::now();

    std::list<Waiter> waiters;
    Clock::time_point lastWaiter = Clock::now();
    bool running = false;              ///< an attempt is queued or on a worker
    bool queuedAhead = false;          ///< behind all that somebody waits for
    int attempts = 0;                  ///< that reached the registry or tried to
    int left = 0;                      ///< attempts that left it to another replica
    int absences = 0;                  ///< looks that found nothing, with an accepted credential
    bool ended = false;                ///< answered; a late attempt's result is dropped
    std::optional<Error> last;         ///< why it has not succeeded yet
    std::optional<ServedModule> stale; ///< what the tag meant when it was last validated
};

} // namespace wasmproxy::host
