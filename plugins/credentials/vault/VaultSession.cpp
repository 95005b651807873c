// SPDX-License-Identifier: Apache-2.0
#include "VaultSession.h"

#include "SecretText.h"

namespace wasmproxy::vault {

using std::chrono::milliseconds;

VaultSession::VaultSession(HostServices& host, VaultClient& client, const VaultSettings& settings)
    : _client(client), _settings(settings), _login(Login::make(host, settings)) {}

Secret VaultSession::token(Call& call) {
    const auto turn = _turn.take(call, "waiting for a login to Vault");
    const auto now = Clock::now();
    if (!_token || _login->replaces(_token->value) || (_token->lease.count() > 0 && now >= _expiresAt))
        login(call);
    else if (_token->lease.count() > 0 && now >= _renewAt)
        prolong(call, now);
    return _token->value;
}

void VaultSession::prolong(Call& call, Clock::time_point now) {
    try {
        // A token of a file that cannot be renewed is used up to its end; whoever put it there puts the next.
        if (!renew(call) && _login->repeatable()) login(call);
    } catch (const Error&) {
        if (call.expired()) throw;
        _renewAt = now + _settings.retry.get(); // it is good for a while yet
    }
}

bool VaultSession::renew(Call& call) {
    if (!_token->renewable) return false;
    const std::string increment = std::to_string(_firstLease.count()) + "s";
    const VaultAnswer answer =
        _client.post(call, "auth/token/renew-self", _token->value, jsonObject({{"increment", increment}}));
    if (!answer.good()) return false;
    VaultToken renewed = tokenOf(answer);
    // Near the end of its longest life Vault grants less and less.
    const bool ending = renewed.lease.count() > 0 && renewed.lease < _firstLease / 2;
    const auto first = _firstLease;
    accept(std::move(renewed));
    _firstLease = first;
    return !ending;
}

void VaultSession::login(Call& call) {
    try {
        const std::string fingerprint = _login->fingerprint();
        if (_refusal && fingerprint == _refusedFingerprint && Clock::now() < _refusedUntil) throw VaultFault(*_refusal);
        try {
            accept(_login->obtain(call, _client));
            _refusal.reset();
            _refusedPause = milliseconds(0);
        } catch (const VaultFault& fault) {
            if (fault.reach() != VaultFault::Reach::Login) throw;
            // Vault locks a role out that is refused too often.
            const milliseconds retry = _settings.retry.get();
            _refusedPause =
                fingerprint == _refusedFingerprint && _refusal ? std::min(2 * _refusedPause, 60 * retry) : 6 * retry;
            _refusedUntil = Clock::now() + _refusedPause;
            _refusedFingerprint = fingerprint;
            _refusal.emplace(fault);
            throw;
        }
    } catch (const VaultFault&) {
        throw;
    } catch (const Error& error) {
        if (call.expired()) throw;
        throw VaultFault(VaultFault::Reach::Server, error.what(), error.hint()); // a file of ours, or a strange answer
    }
}

void VaultSession::accept(VaultToken token) {
    const auto now = Clock::now();
    const milliseconds lease = token.lease;
    _renewAt = now + lease * 2 / 3 * std::uniform_int_distribution<>(90, 100)(_random) / 100;
    _expiresAt = now + lease - std::min<milliseconds>(lease / 10, milliseconds(5000));
    _firstLease = token.lease;
    _token = std::move(token);
}

VaultSession::Refusal VaultSession::refused(Call& call, const Secret& token) {
    const auto turn = _turn.take(call, "waiting for a login to Vault");
    if (_token && _token->value != token) return Refusal::TryAgain;
    const auto fail = [&] {
        throw VaultFault(VaultFault::Reach::Server,
                         "the token in token-file " + _settings.tokenFile.get() + " is refused by " + _client.name() +
                             ": it was revoked or has expired",
                         "put a new token into the file");
    };
    if (!_login->repeatable() && !_login->replaces(token) && token == _doubted) fail();
    const auto now = Clock::now();
    if (now < _calmUntil) return Refusal::Unclear;
    _calmUntil = now + _settings.retry.get();
    if (!_login->repeatable() && !_login->replaces(token)) {
        if (_client.get(call, "auth/token/lookup-self", token).good()) return Refusal::Denied;
        _doubted = token;
        fail();
    }
    _token.reset(); // also where the login fails: the next question begins with one
    login(call);
    return Refusal::TryAgain;
}

} // namespace wasmproxy::vault
