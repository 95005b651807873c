// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::host {

/// Does `noProxy` name `host` (normalised)? Entries, separated by commas: `*`, `name` and `.name` (that domain and all
/// below it), an address, a CIDR block; a `:port` behind a name or an IPv4 address must then match too.
bool bypassesProxy(const std::string& noProxy, const std::string& host, unsigned port);

} // namespace wasmproxy::host
