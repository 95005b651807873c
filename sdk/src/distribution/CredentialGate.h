// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"
#include "wasmproxy/plugin/Call.h"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy {

/// Lets one exchange at a time show a credential that has not yet been accepted by a registry: registries lock accounts
/// for wrong passwords, and hundreds of exchanges may come at once. What it learns is everybody's who was on the way.
/// Thread-safe, bounded; outlives its passes.
class CredentialGate {
public:
    using Clock = Call::Clock;

    /// The right to show the credential; ends with its destruction, which makes the next one try.
    class Pass {
    public:
        Pass(CredentialGate& gate, std::string key, bool exclusive)
            : _gate(gate), _key(std::move(key)), _exclusive(exclusive) {}
        ~Pass();
        Pass(const Pass&) = delete;
        Pass& operator=(const Pass&) = delete;

        /// Nobody else shows it meanwhile. Else it is known to be good.
        bool exclusive() const noexcept { return _exclusive; }
        void accepted();
        void refused(const Error& error);

    private:
        CredentialGate& _gate;
        const std::string _key;
        bool _exclusive;
    };

    explicit CredentialGate(std::size_t capacity = 10000) : _capacity(capacity) {}

    /// Waits while another exchange shows it for the first time. `began`: of the exchange that asks; a refusal since
    /// then, or right before, is its refusal, too. Throws that Error, or Error{DeadlineExceeded}.
    std::unique_ptr<Pass> enter(Call& call, const std::string& key, Clock::time_point began);
    /// A credential known to be good was refused: has it changed at the registry? As enter(), but only an acceptance
    /// since `began` counts.
    std::unique_ptr<Pass> doubt(Call& call, const std::string& key, Clock::time_point began);

private:
    struct Row {
        bool busy = false;
        bool good = false;
        Clock::time_point acceptedAt;
        std::optional<Error> refusal;
        Clock::time_point refusedAt;
        std::uint64_t age = 0;
    };

    std::unique_ptr<Pass> admit(Call& call, const std::string& key, Clock::time_point began, bool doubtful);
    Row& rowOf(const std::string& key);

    const std::size_t _capacity;
    std::mutex _mutex;
    std::condition_variable _changed;
    std::uint64_t _clock = 0;
    std::map<std::string, Row> _rows;
};

} // namespace wasmproxy
