// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/CredentialSource.h"
#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/testing/Finding.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wasmproxy::testing {

struct CredentialSourceOptions {
    Repository present;                          ///< the source has a credential for it
    Repository absent;                           ///< the source works and has none for it
    std::optional<std::string> expectedUsername; ///< of the best credential for `present`
    std::size_t threads = 16;
    std::chrono::seconds deadline{30}; ///< of each check

    // What can be done to the place where the best credential for `present` is kept. Each that is given adds checks.
    std::function<void(const std::string& secret)> rotate; ///< it is there, with this secret, whatever was there before
    std::function<void()> damage;                          ///< what is there cannot be read; needs `rotate`
    std::function<void()> revoke;                          ///< there is none for `present`; needs `rotate`
    std::function<void(std::chrono::milliseconds)> slow;   ///< the place answers so late from now on; 0: as before
    std::chrono::milliseconds seenWithin{5000};            ///< a change must be
    std::chrono::milliseconds grace{2000};                 ///< by which a call may end past its deadline
};

using MakeCredentialSource = std::function<std::unique_ptr<CredentialSource>(HostServices&)>;

/// The contract of CredentialSource as one finding per check. No finding's detail holds a secret. Throws nothing.
std::vector<Finding> checkCredentialSource(const MakeCredentialSource& make, HostServices& host,
                                           const CredentialSourceOptions& options);

} // namespace wasmproxy::testing
