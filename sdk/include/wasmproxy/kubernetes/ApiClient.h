// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/kubernetes/ApiResource.h"
#include "wasmproxy/kubernetes/ClusterAccess.h"
#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/plugin/HostServices.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace wasmproxy::kubernetes {

/// Speaks to one API server over the host's transport. A refusal is an ApiError that names what was asked for; one for
/// want of permission carries the rule to add as its hint. Thread-safe.
class ApiClient {
public:
    static constexpr std::size_t MaxObject = 4u << 20; ///< bytes; etcd takes 1.5 MiB
    static constexpr std::size_t MaxPage = 16u << 20;
    static constexpr std::size_t MaxObjects = 50000; ///< of one list

    /// `host` outlives this.
    ApiClient(HostServices& host, ClusterConfig config);
    ApiClient(HostServices& host, std::unique_ptr<ClusterAccess> access);

    HostServices& host() noexcept { return _host; }
    const ClusterConfig& config() const noexcept { return _access->config(); }

    StrictJson get(Call& call, const ApiResource& resource, const std::string& name);
    /// PUT. `json` holds the resourceVersion that was read, else a conflict (409) is not seen.
    StrictJson replace(Call& call, const ApiResource& resource, const std::string& name, const std::string& json,
                       const std::string& subresource = {});
    /// All of them as of now, page by page; returns the resourceVersion to watch from.
    std::string list(Call& call, const ApiResource& resource, const Selection& selection,
                     const std::function<void(const StrictJson& object)>& visit);
    /// The events since `resourceVersion`: JSON objects without a separator (see JsonStream), until `time` is over.
    std::unique_ptr<HttpResponse> watch(Call& call, const ApiResource& resource, const Selection& selection,
                                        const std::string& resourceVersion, std::chrono::seconds time);

private:
    struct Question;
    std::unique_ptr<HttpResponse> send(Call& call, const Question& question);
    StrictJson read(HttpResponse& response, const Question& question);
    [[noreturn]] void fail(HttpResponse& response, const Question& question);

    HostServices& _host;
    const std::unique_ptr<ClusterAccess> _access;
};

} // namespace wasmproxy::kubernetes
