// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <deque>

namespace wasmproxy::host {

/// The operations by path and method. Filled before the server starts, then constant.
class AdminRoutes {
public:
    /// Throws std::logic_error for what cannot be told apart or is malformed: a fault of ours.
    void add(AdminOperation operation);
    const std::deque<AdminOperation>& operations() const { return _operations; }

    struct Match {
        const AdminOperation* operation = nullptr; ///< null: see `allow`
        std::map<std::string, std::string> segments;
        std::string allow; ///< methods of the path, for 405; empty: there is no such path
    };
    /// `path` as it was sent, without the query; HEAD finds GET. A literal segment is preferred to "{name}", and that
    /// to "{name...}". Throws RequestRefusal for a path with two readings ("..", a malformed escape, control bytes).
    Match find(const std::string& method, const std::string& path) const;

private:
    std::deque<AdminOperation> _operations;
    std::vector<std::vector<std::string>> _patterns; ///< segments of each
};

} // namespace wasmproxy::host
