// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <chrono>

namespace wasmproxy::host {

class DigestIndex;
class ModuleService;

/// GET /api/v1/resolve?ref=oci://host/repository:tag: pulls the module if need be and tells both digests that a
/// WasmPlugin or a RemoteDataSource needs, and the URL that names this content for ever. Copyable; what it is given
/// outlives it.
class ResolveEndpoint {
public:
    /// `publicUrl` is where proxies reach the data plane: "http://127.0.0.1:8080".
    ResolveEndpoint(ModuleService& modules, const DigestIndex& index, std::string publicUrl,
                    std::chrono::milliseconds patience = std::chrono::seconds(14))
        : _modules(&modules), _index(&index), _publicUrl(std::move(publicUrl)), _patience(patience) {}
    AdminAnswer operator()(const AdminRequest& request) const;

private:
    ModuleService* _modules;
    const DigestIndex* _index;
    std::string _publicUrl;
    std::chrono::milliseconds _patience;
};

} // namespace wasmproxy::host
