// SPDX-License-Identifier: Apache-2.0
#include "CredentialChangeChecks.h"

#include <atomic>
#include <thread>

namespace wasmproxy::testing {

namespace {

using std::chrono::milliseconds;

constexpr int Rotations = 5;
constexpr milliseconds Pause(2); // between two questions of one thread
constexpr milliseconds Slow(50);
constexpr milliseconds Hanging(60000);
constexpr milliseconds Patience(300); // of who asks a place that hangs

/// The place is put right whether `body` fails or not, so that the next check judges something else.
template <class Body, class Mend>
void mended(Body body, Mend mend) {
    try {
        body();
    } catch (...) {
        mend();
        throw;
    }
    mend();
}

} // namespace

void CredentialChangeChecks::run(CredentialSource& source) {
    if (_options.rotate) _list.check("change: rotated under load", [&] { rotatedUnderLoad(source); });
    if (_options.damage) _list.check("change: damaged", [&] { damaged(source); });
    if (_options.slow) {
        _list.check("change: slow", [&] { slow(source); });
        _list.check("change: hanging", [&] { hanging(source); });
    }
    if (_options.revoke) _list.check("change: revoked", [&] { revoked(source); });
}

void CredentialChangeChecks::rotatedUnderLoad(CredentialSource& source) {
    std::atomic<bool> done{false};
    inParallel(_options.threads + 1, [&](std::size_t thread) {
        if (thread == 0) {
            try {
                for (int i = 0; i < Rotations; ++i) {
                    rotate();
                    await(source, "the rotation");
                }
            } catch (...) {
                done = true;
                throw;
            }
            done = true;
        }
        for (int last = 0; !done; std::this_thread::sleep_for(Pause)) {
            const int number = numberIn(find(source, _options.deadline));
            Checklist::require(number >= last, "never again what was replaced");
            last = number;
        }
    });
}

void CredentialChangeChecks::damaged(CredentialSource& source) {
    std::unique_ptr<CredentialSource> fresh;
    const auto body = [&] {
        _options.damage();
        // It may be seen at any moment of these.
        for (const auto end = Clock::now() + Slow * 3; Clock::now() < end; std::this_thread::sleep_for(Pause))
            requireKnownOrError(source, _options.deadline);
        try {
            fresh = _make(_host);
        } catch (const Error&) { // it cannot say from the start
        }
        if (fresh) requireKnownOrError(*fresh, _options.deadline);
    };
    mended(body, [&] { rotate(); });
    await(source, "the mend");
    if (fresh) await(*fresh, "the mend, of an instance made before it");
}

void CredentialChangeChecks::slow(CredentialSource& source) {
    const auto body = [&] {
        _options.slow(Slow);
        const auto fresh = _make(_host);
        for (auto* each : {&source, fresh.get()})
            Checklist::require(numberIn(find(*each, _options.deadline)) == _number, "the credential in force");
    };
    mended(body, [&] { _options.slow(milliseconds(0)); });
}

void CredentialChangeChecks::hanging(CredentialSource& source) {
    std::unique_ptr<CredentialSource> fresh;
    const auto body = [&] {
        _options.slow(Hanging);
        requireInTime(source);
        fresh = _make(_host);
        requireInTime(*fresh);
    };
    mended(body, [&] { _options.slow(milliseconds(0)); });
    await(source, "it answered again");
    await(*fresh, "it answered again, of an instance made before that");
}

void CredentialChangeChecks::revoked(CredentialSource& source) {
    const auto body = [&] {
        _options.revoke();
        Checklist::require(within(_options.seenWithin, [&] { return find(source, _options.deadline).empty(); }),
                           "no credential soon after it was revoked");
        Checklist::require(find(*_make(_host), _options.deadline).empty(), "no credential of a new instance");
    };
    mended(body, [&] { rotate(); });
    await(source, "it was there again");
}

std::vector<Credential> CredentialChangeChecks::find(CredentialSource& source, milliseconds time) const {
    Call call("conformance", Clock::now() + time);
    return source.find(call, CredentialQuery{_options.present, {}});
}

int CredentialChangeChecks::numberIn(const std::vector<Credential>& found) const {
    Checklist::require(!found.empty(), "the credential, or an Error: an empty answer says that there is none");
    const std::string secret(found.front().secret.reveal());
    const std::string start = Rotated;
    if (secret.compare(0, start.size(), start) == 0) return std::stoi(secret.substr(start.size()));
    Checklist::require(found.front().fingerprint() == _first, "a secret that was there");
    return 0;
}

void CredentialChangeChecks::rotate() {
    _options.rotate(Rotated + std::to_string(++_number));
}

void CredentialChangeChecks::await(CredentialSource& source, const std::string& after) const {
    const bool seen = within(_options.seenWithin, [&] {
        try {
            return numberIn(find(source, _options.deadline)) == _number;
        } catch (const Error&) {
            return false;
        } catch (const Checklist::Broken&) { // of an instance that has not seen it yet
            return false;
        }
    });
    Checklist::require(seen, "the credential in force soon after " + after);
}

void CredentialChangeChecks::requireKnownOrError(CredentialSource& source, milliseconds time) const {
    try {
        Checklist::require(numberIn(find(source, time)) == _number, "what was in force last, or an Error");
    } catch (const Error& error) {
        const std::string text = std::string(error.what()) + error.hint();
        Checklist::require(text.find(Rotated) == std::string::npos, "no secret in the error's text");
    }
}

void CredentialChangeChecks::requireInTime(CredentialSource& source) const {
    const auto end = Clock::now() + Patience + _options.grace;
    requireKnownOrError(source, Patience);
    Checklist::require(Clock::now() < end, "an end of the call by its deadline");
}

template <class Condition>
bool CredentialChangeChecks::within(milliseconds time, Condition holds) const {
    for (const auto end = Clock::now() + time; !holds(); std::this_thread::sleep_for(Pause))
        if (Clock::now() >= end) return false;
    return true;
}

} // namespace wasmproxy::testing
