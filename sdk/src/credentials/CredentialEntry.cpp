// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/credentials/CredentialEntry.h"

#include <algorithm>

namespace wasmproxy {

std::vector<Credential> matchingCredentials(const std::vector<CredentialEntry>& entries, const Repository& repository) {
    std::vector<const CredentialEntry*> matching;
    for (const CredentialEntry& entry : entries)
        if (entry.pattern.matches(repository)) matching.push_back(&entry);
    std::stable_sort(matching.begin(), matching.end(), [](const CredentialEntry* a, const CredentialEntry* b) {
        return RegistryPattern::moreSpecific(a->pattern, b->pattern);
    });
    std::vector<Credential> result;
    result.reserve(matching.size());
    for (const CredentialEntry* entry : matching)
        result.push_back(entry->credential);
    return result;
}

} // namespace wasmproxy
