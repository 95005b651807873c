// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <mutex>

namespace wasmproxy::host {

/// Tells handlers that wait for something that their server stops. Thread-safe.
class StopSignal {
public:
    using Action = std::function<void()>;

    /// Runs `action` once when the signal is raised, or at once if it is already; not after it is destroyed.
    class Subscription {
    public:
        Subscription(StopSignal& signal, Action action) : _signal(signal) {
            const std::lock_guard<std::mutex> lock(signal._mutex);
            if (signal._raised) action();
            _place = signal._actions.insert(signal._actions.end(), std::move(action));
        }
        ~Subscription() {
            const std::lock_guard<std::mutex> lock(_signal._mutex);
            _signal._actions.erase(_place);
        }
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;

    private:
        StopSignal& _signal;
        std::list<Action>::iterator _place;
    };

    void raise() {
        const std::lock_guard<std::mutex> lock(_mutex);
        if (_raised) return;
        _raised = true;
        for (const Action& action : _actions)
            action();
    }

private:
    std::mutex _mutex;
    bool _raised = false;
    std::list<Action> _actions;
};

} // namespace wasmproxy::host
