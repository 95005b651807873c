// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "Configuration.h"

#include <ostream>
#include <string>

namespace wasmproxy::host {

/// --explain=REF: the route, the backend, the credentials in the order they would be tried, and what the registry says
/// to each of them now. Opens neither cache nor index, so that it runs beside a proxy. Returns the exit code: 0 if one
/// of them resolves the reference.
int explain(const Configuration& configuration, const std::string& reference, std::ostream& out);

} // namespace wasmproxy::host
