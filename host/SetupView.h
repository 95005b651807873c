// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Generation.h"
#include "admin/SetupRows.h"

namespace wasmproxy::host {

/// The configuration in force as rows; what counts only at the start is as in `first`, with which the process started.
SetupRows setupRows(const Generation& current, const Configuration& first, const Metrics& metrics,
                    const CacheTiers& cache);

} // namespace wasmproxy::host
