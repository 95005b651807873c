// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/AnswersInProgress.h"
#include "dataplane/CallerNetworks.h"
#include "dataplane/ConnectionLimits.h"
#include "dataplane/DataPlane.h"

#include <atomic>
#include <string>

namespace wasmproxy::host {

/// What the loops of one DataPlane share. Outlives them.
struct Serving {
    Serving(DataPlaneOptions given, std::size_t connections, ModuleService& service, Metrics& figures);

    const DataPlaneOptions options;
    ModuleService& modules;
    Metrics& metrics;
    const CallerNetworks allowed;
    ConnectionLimits limits;
    AnswersInProgress answers;
    BodyAdmission bodies;

    void nextRequestId(std::string& id); ///< 16 hex digits, not twice in a process and hardly between processes

private:
    std::atomic<std::uint64_t> _requests;
};

} // namespace wasmproxy::host
