// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"
#include "admin/ModuleRequest.h"

#include <chrono>

namespace Poco::JSON {
class Object;
}

namespace wasmproxy::host {

class DigestIndex;
class ModuleService;
struct ModuleRecord;
struct ServedModule;

/// What a module is and where proxies get it: both digests that a WasmPlugin or a RemoteDataSource needs, and the URL
/// that names this content for ever (where content is pinned by a URL).
class ModuleDescription {
public:
    /// `publicUrl` is where proxies reach the data plane: "http://127.0.0.1:8080". `index` outlives this.
    ModuleDescription(const DigestIndex& index, std::string publicUrl)
        : _index(&index), _publicUrl(std::move(publicUrl)) {}
    Poco::JSON::Object of(const ModuleRequest& request, const ServedModule& served) const;
    Poco::JSON::Object of(const Reference& reference, const ModuleRecord& record) const;
    /// Asks for it on behalf of `request`, waits, and describes it or says why not.
    AdminAnswer answer(ModuleService& modules, const ModuleRequest& wanted, const AdminRequest& request,
                       const Caller& caller, std::chrono::milliseconds patience) const;

private:
    const DigestIndex* _index;
    std::string _publicUrl;
};

/// GET /api/v1/resolve?ref=oci://host/repository:tag, ?ref=https://… or ?extension=NAME: pulls the module if need be
/// and describes it. Copyable; what it is given outlives it.
class ResolveEndpoint {
public:
    ResolveEndpoint(ModuleService& modules, const DigestIndex& index, std::string publicUrl,
                    std::chrono::milliseconds patience = std::chrono::seconds(14))
        : _modules(&modules), _description(index, std::move(publicUrl)), _patience(patience) {}
    AdminAnswer operator()(const AdminRequest& request) const;

private:
    ModuleService* _modules;
    ModuleDescription _description;
    std::chrono::milliseconds _patience;
};

} // namespace wasmproxy::host
