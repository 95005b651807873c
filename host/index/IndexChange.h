// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "DigestIndex.h"

#include <variant>
#include <vector>

namespace wasmproxy::host {

struct TagSet {
    std::string key; ///< "host/path:tag"
    TagRecord record;
};
struct TagForgotten {
    std::string key;
};
struct LinkAdded {
    Digest digest;
    Repository repository;
};
struct ContentForgotten {
    Digest digest;
};
struct ModuleForgotten {
    Digest manifest;
};
struct LinkRemoved {
    Digest digest;
    Repository repository;
};
struct PinRemoved {
    Digest digest;
};

/// One change of the index. The tables, the database and the copy all understand it, and each can give its state as a
/// list of them.
using IndexChange = std::variant<TagSet, TagForgotten, ModuleRecord, LinkAdded, ContentRecord, ContentForgotten,
                                 ModuleForgotten, LinkRemoved, PinRecord, PinRemoved>;
using IndexChanges = std::vector<IndexChange>;

} // namespace wasmproxy::host
