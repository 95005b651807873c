// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "IndexTables.h"

namespace wasmproxy::host {

/// `<path>.copy`: the tags, links, pins and modules in a text file of their own, for the start after the database went
/// bad or away. Contents are not in it, since the cache store knows them.
class IndexCopy {
public:
    explicit IndexCopy(const std::string& indexPath) : _path(indexPath + ".copy") {}

    const std::string& path() const { return _path; }
    /// Replaces the copy at once and whole. What changes meanwhile may be in it or not. Throws Error{StorageFault}.
    void write(const IndexTables& tables) const;
    /// Nothing where there is no copy, or one that is damaged.
    IndexChanges read() const;

private:
    std::string _path;
};

} // namespace wasmproxy::host
