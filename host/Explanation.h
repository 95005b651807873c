// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Configuration.h"

#include <ostream>
#include <string>

namespace wasmproxy::host {

/// --explain=REF: the route, the backend, the credentials in the order they would be tried, and what the registry says
/// to each of them now, and what the artifact holds, pulled as a proxy would. Opens neither cache nor index and keeps
/// nothing, so that it runs beside a proxy. Returns the exit code: 0 if the module can be served.
int explain(const Configuration& configuration, const std::string& reference, std::ostream& out);

} // namespace wasmproxy::host
