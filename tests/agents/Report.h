// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Fault.h"
#include "Fleet.h"

#include <ostream>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// What one system made of one fault.
struct ReportRow {
    const Fault* fault = nullptr;
    std::string system;
    FleetResult result;
    int upstreamRequests = 0; ///< at the registry's front
};

void printProgress(std::ostream& out, const ReportRow& row); ///< one line
void printTable(std::ostream& out, const std::vector<ReportRow>& rows);
void printFaults(std::ostream& out, const std::vector<const Fault*>& faults);
void printJson(std::ostream& out, const std::vector<ReportRow>& rows);

} // namespace wasmproxy::test
