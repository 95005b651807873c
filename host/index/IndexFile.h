// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/Error.h"

#include <string>

namespace wasmproxy::host {

/// The folder takes no new name: neither a database that is missing nor one beside a bad one.
class IndexUnwritable : public Error {
public:
    IndexUnwritable(const std::string& message, const std::string& hint)
        : Error(ErrorCode::StorageFault, message, hint) {}
};

/// The database as a file: what can be done with it, found out before SQLite is asked (which waits seconds for a folder
/// that is not there, and knows no reasons).
class IndexFile {
public:
    enum class Access { ReadWrite, ReadOnly, None };

    explicit IndexFile(const std::string& path);

    const std::string& path() const { return _path; } ///< absolute
    /// Creates the file if it is absent, readable by its owner only. Throws IndexUnwritable, or Error{StorageFault}
    /// where no file can be.
    Access open() const;
    /// Moves the file, and what SQLite keeps beside it, to `<path>.bad-<n>` and returns that name.
    /// Throws as open().
    std::string setAside() const;

private:
    std::string _path;
};

} // namespace wasmproxy::host
