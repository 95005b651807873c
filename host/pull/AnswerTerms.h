// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Digest.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace wasmproxy::host {

class ExtensionCatalog;

/// On what an answer from memory rests: while none of it has changed, the same question has the same answer. So one
/// who is asked the same again need not look everything up again.
struct AnswerTerms {
    std::uint64_t setup = 0;      ///< which configuration
    std::uint64_t extensions = 0; ///< version of the catalog
    std::uint64_t index = 0;      ///< version of tags, modules and links
    std::uint64_t hot = 0;        ///< version of what is open
    const ExtensionCatalog* catalog = nullptr;
    /// From when and until when: no longer than the tag counts, and only a moment, so that what looks at each use (how
    /// lately the module was used, whether its tag is due) still sees it.
    std::chrono::system_clock::time_point from;
    std::chrono::system_clock::time_point until;
    Digest module;
    std::string reference; ///< as accesses have it
};

} // namespace wasmproxy::host
