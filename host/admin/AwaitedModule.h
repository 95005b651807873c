// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/StopSignal.h"
#include "pull/ModuleService.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace wasmproxy::host {

/// A thread that waits for a ModuleService. The callback may come after the wait was given up.
class AwaitedModule {
public:
    ModuleCallback callback() {
        return [state = _state](ModuleResult result) { state->set(std::move(result)); };
    }
    /// nullopt: not within `patience`. Error{Busy}: `stop` was raised first.
    std::optional<ModuleResult> wait(std::chrono::milliseconds patience, StopSignal& stop) {
        const StopSignal::Subscription onStop(
            stop, [state = _state] { state->set(Error(ErrorCode::Busy, "no longer waited for")); });
        std::unique_lock<std::mutex> lock(_state->mutex);
        if (!_state->changed.wait_for(lock, patience, [&] { return _state->value.has_value(); })) return std::nullopt;
        return _state->value;
    }

private:
    struct State {
        void set(ModuleResult result) {
            {
                const std::lock_guard<std::mutex> lock(mutex);
                if (!value) value.emplace(std::move(result));
            }
            changed.notify_all();
        }
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<ModuleResult> value;
    };
    std::shared_ptr<State> _state = std::make_shared<State>();
};

} // namespace wasmproxy::host
