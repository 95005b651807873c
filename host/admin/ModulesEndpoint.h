// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

namespace wasmproxy::host {

class DigestIndex;

/// GET /api/v1/modules?limit=100: the modules that are known, newest first. Copyable; the index outlives it.
class ModulesEndpoint {
public:
    explicit ModulesEndpoint(const DigestIndex& index) : _index(&index) {}
    AdminAnswer operator()(const AdminRequest& request) const;

private:
    const DigestIndex* _index;
};

} // namespace wasmproxy::host
