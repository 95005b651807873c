// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/testing/RegistryBackendSuite.h"

namespace wasmproxy::testing {

class Checklist;

/// Credentials and redirects, credentials and realms: where they must not go.
void checkRegistryLeaks(Checklist& list, const MakeRegistryBackend& make, const RegistryBackendOptions& options);

} // namespace wasmproxy::testing
