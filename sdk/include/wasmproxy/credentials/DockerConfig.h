// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/CredentialEntry.h"

#include <string>
#include <string_view>

namespace wasmproxy {

/// Reads a docker config.json or containers auth.json (its `auths`). An entry that is unusable is left out with a
/// warning; only a document that is no such file throws Error{CredentialSourceFault}. `path` names it in errors and in
/// the credentials' names. Sources: docker/cli config, containers-auth.json(5).
CredentialEntries parseDockerConfig(std::string_view text, const std::string& path);

} // namespace wasmproxy
