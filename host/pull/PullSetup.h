// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/HttpSource.h"
#include "pull/ModulePuller.h"
#include "pull/PullTargets.h"

#include <cstdint>

namespace wasmproxy::host {

/// What one configuration makes of pulls: who may have what, and where it comes from. A new configuration brings a new
/// one; a Flight keeps the one that it began with, and with it the backends.
struct PullSetup {
    std::uint64_t generation = 1; ///< counts the configurations of this process
    PullTargets targets;
    ModulePuller registry;
    HttpSource files;
};

} // namespace wasmproxy::host
