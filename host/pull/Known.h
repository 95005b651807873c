// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freshness/Freshness.h"
#include "pull/PullSetup.h"

#include <optional>

namespace wasmproxy::host {

/// What is known of a target without asking anybody.
struct Known {
    Freshness freshness = Freshness::Expired;
    std::optional<ModuleRecord> record = std::nullopt;      ///< where it still counts
    std::chrono::system_clock::time_point validatedAt = {}; ///< what its tag means; a digest needs no validation
};

Known knownOf(const DigestIndex& index, const PullSetup& setup, const PullTarget& target);

} // namespace wasmproxy::host
