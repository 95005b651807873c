// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/credentials/RegistryPattern.h"
#include "wasmproxy/plugin/Credential.h"

#include <string>
#include <vector>

namespace wasmproxy {

/// One credential and the repositories it is for.
struct CredentialEntry {
    RegistryPattern pattern;
    Credential credential;
};

/// The credentials whose pattern matches, the most specific first; equals in their order.
std::vector<Credential> matchingCredentials(const std::vector<CredentialEntry>& entries, const Repository& repository);

/// What one reading of a file gave: the entries in the file's order, and lines for the operator.
struct CredentialEntries {
    std::vector<CredentialEntry> entries;
    std::vector<std::string> warnings;
};

} // namespace wasmproxy
