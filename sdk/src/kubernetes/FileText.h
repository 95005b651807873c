// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/ErrorCode.h"
#include "wasmproxy/plugin/Secret.h"

#include <string>

namespace wasmproxy::kubernetes {

/// The whole of a small file (1 MiB at most). Throws Error{code} naming `what` and the path.
Secret readFileText(const std::string& path, const std::string& what, ErrorCode code);

} // namespace wasmproxy::kubernetes
