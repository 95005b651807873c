// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Login.h"
#include "Turn.h"
#include "VaultFault.h"

#include <optional>
#include <random>

namespace wasmproxy::vault {

/// The token in use, and its life: renewed at two thirds of its lease, with jitter, when it is next needed; had anew
/// where it cannot be renewed, has expired or is refused. There is no thread: a token that expires while nobody asks is
/// replaced by a login at the next question. Thread-safe; one request at a time.
class VaultSession {
public:
    VaultSession(HostServices& host, VaultClient& client, const VaultSettings& settings);

    /// Throws VaultFault{Server, Login} and Error{DeadlineExceeded}.
    Secret token(Call& call);

    enum class Refusal {
        TryAgain, ///< there is another token now
        Denied,   ///< the token is good, it may just not do that
        Unclear   ///< the token was had anew a moment ago for another refusal; not again so soon
    };
    /// Vault answered 403 to `token`. Throws as token().
    Refusal refused(Call& call, const Secret& token);

private:
    using Clock = Call::Clock;

    void login(Call& call);
    void accept(VaultToken token);
    bool renew(Call& call);
    void prolong(Call& call, Clock::time_point now);

    VaultClient& _client;
    const VaultSettings& _settings;
    const std::unique_ptr<Login> _login;
    Turn _turn;

    // What follows is used within a turn.
    std::mt19937 _random{std::random_device{}()};
    std::optional<VaultToken> _token;
    std::chrono::seconds _firstLease{0};
    Clock::time_point _renewAt;
    Clock::time_point _expiresAt;
    Clock::time_point _calmUntil; ///< no login because of a 403 before that
    Secret _doubted;              ///< a token of a file that Vault does not know any more
    std::optional<VaultFault> _refusal;
    std::string _refusedFingerprint;
    Clock::time_point _refusedUntil;
    std::chrono::milliseconds _refusedPause{0};
};

} // namespace wasmproxy::vault
