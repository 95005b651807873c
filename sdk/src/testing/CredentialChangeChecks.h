// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Checklist.h"
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include <string>
#include <vector>

namespace wasmproxy::testing {

/// What a credential source does while the place behind it changes, by the hooks that the options give.
class CredentialChangeChecks {
public:
    /// Every secret that is put there begins with this.
    static constexpr const char* Rotated = "wasm-proxy-conformance-rotated-";

    /// `first`: fingerprint of the credential that is there.
    CredentialChangeChecks(const MakeCredentialSource& make, HostServices& host, const CredentialSourceOptions& options,
                           const std::string& first, Checklist& list)
        : _make(make), _host(host), _options(options), _list(list), _first(first) {}

    /// `source` has found it before.
    void run(CredentialSource& source);

private:
    using Clock = Call::Clock;

    void rotatedUnderLoad(CredentialSource& source);
    void damaged(CredentialSource& source);
    void slow(CredentialSource& source);
    void hanging(CredentialSource& source);
    void revoked(CredentialSource& source);

    std::vector<Credential> find(CredentialSource& source, std::chrono::milliseconds time) const;
    /// Which secret it has: the number of the rotation, 0 for that from before. Fails for every other answer.
    int numberIn(const std::vector<Credential>& found) const;
    void rotate();
    /// Until the credential in force is found.
    void await(CredentialSource& source, const std::string& after) const;
    /// It knows the credential in force, or says that it cannot say.
    void requireKnownOrError(CredentialSource& source, std::chrono::milliseconds time) const;
    void requireInTime(CredentialSource& source) const;
    template <class Condition>
    bool within(std::chrono::milliseconds time, Condition holds) const;

    const MakeCredentialSource& _make;
    HostServices& _host;
    const CredentialSourceOptions& _options;
    Checklist& _list;
    const std::string _first;
    int _number = 0; ///< of the rotation in force
};

} // namespace wasmproxy::testing
