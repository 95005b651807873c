// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Call.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy::file {

/// Something is done at most once at a time per key; who asks meanwhile gets the outcome, too. It is done on the thread
/// of who came first. Thread-safe.
template <class Outcome>
class SharedRun {
public:
    /// Throws what `run` throws. Where that is the other's deadline and not ours, it is done again.
    Outcome get(Call& call, const std::string& key, const std::function<Outcome()>& run) {
        while (true) {
            std::unique_lock<std::mutex> lock(_mutex);
            auto& place = _running[key];
            if (!place) {
                const auto mine = place = std::make_shared<Running>();
                lock.unlock();
                return lead(key, *mine, run);
            }
            const auto other = place;
            while (!other->done) {
                call.check("waiting for a credential helper that runs already");
                _changed.wait_for(lock, std::min(call.remaining(), std::chrono::milliseconds(100)));
            }
            if (other->outcome) return *other->outcome;
            if (other->error->code() != ErrorCode::DeadlineExceeded || call.expired()) throw Error(*other->error);
        }
    }

private:
    struct Running {
        bool done = false;
        std::optional<Outcome> outcome;
        std::optional<Error> error; ///< if not outcome
    };

    Outcome lead(const std::string& key, Running& mine, const std::function<Outcome()>& run) {
        try {
            Outcome outcome = run();
            finish(key, mine, outcome, std::nullopt);
            return outcome;
        } catch (const Error& error) {
            finish(key, mine, std::nullopt, error);
            throw;
        } catch (...) {
            finish(key, mine, std::nullopt, Error(ErrorCode::CredentialSourceFault, "a credential helper's run broke"));
            throw;
        }
    }
    void finish(const std::string& key, Running& mine, std::optional<Outcome> outcome, std::optional<Error> error) {
        {
            const std::lock_guard<std::mutex> guard(_mutex);
            mine.outcome = std::move(outcome);
            mine.error = std::move(error);
            mine.done = true;
            _running.erase(key);
        }
        _changed.notify_all();
    }

    std::mutex _mutex;
    std::condition_variable _changed;
    std::map<std::string, std::shared_ptr<Running>> _running;
};

} // namespace wasmproxy::file
