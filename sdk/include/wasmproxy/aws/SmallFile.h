// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Secret.h"

#include <optional>
#include <string>

namespace wasmproxy::aws {

/// The whole of a regular file of at most 1 MiB; nullopt: there is none. Throws Error{CredentialSourceFault} that names
/// `what` and the path.
std::optional<Secret> readSmallFile(const std::string& path, const std::string& what);

} // namespace wasmproxy::aws
