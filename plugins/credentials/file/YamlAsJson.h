// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmproxy::file {

/// One YAML document (JSON is one, too) as JSON text, for the strict reader; duplicate keys stay in it. Anchors and
/// aliases, tags of applications and several documents are refused. Throws Error{CredentialSourceFault} that names
/// `path` and the line.
std::string yamlAsJson(std::string_view text, const std::string& path);

} // namespace wasmproxy::file
