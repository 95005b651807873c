// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Report.h"

namespace wasmproxy::test {

struct PlayOptions {
    int agents = 1000;
    bool pin = false; ///< agents on the last core, everything else on the others
};

/// One fault played to one system, from its start to the last agent.
ReportRow play(const Fault& fault, const std::string& system, Upstream& upstream, const PlayOptions& options);

/// Keeps the calling thread and all that it starts off the agents' core.
void leaveAgentsTheirCore();

} // namespace wasmproxy::test
