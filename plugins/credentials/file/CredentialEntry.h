// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "RegistryPattern.h"
#include "wasmproxy/plugin/Credential.h"

#include <string>
#include <vector>

namespace wasmproxy::file {

/// One credential and the repositories it is for.
struct CredentialEntry {
    RegistryPattern pattern;
    Credential credential;
};

/// What one reading of a file gave: the entries in the file's order, and lines for the operator.
struct CredentialEntries {
    std::vector<CredentialEntry> entries;
    std::vector<std::string> warnings;
};

} // namespace wasmproxy::file
