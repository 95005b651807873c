// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pull/ModuleIntake.h"
#include "pull/PulledModule.h"
#include "wasmproxy/plugin/HttpTransport.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace wasmproxy::host {

/// Pulls what an http(s) url gives, in place of a registry: the file is downloaded into the cache, unpacked as
/// istio-agent would, and enters at the module. ETag and Last-Modified are its freshness. No credential is ever sent.
/// Blocks; called on workers. Thread-safe.
class HttpSource {
public:
    /// The transport that dials this url's host as written and vets every other. Thread-safe.
    using TransportFor = std::function<std::shared_ptr<HttpTransport>(const std::string& url)>;

    HttpSource(CacheTiers& cache, DigestIndex& index, PullLimits limits, TransportFor transportFor)
        : _cache(cache), _index(index), _intake(cache, index, limits), _transportFor(std::move(transportFor)) {}

    /// As ModulePuller::pull(), for a target whose Extension has an httpUrl.
    std::optional<PulledModule> pull(Call& call, const PullTarget& target);

private:
    struct Validators {
        std::string etag;
        std::string lastModified;
        Digest file;
    };
    static std::unique_ptr<HttpResponse> get(Call& call, HttpTransport& transport, const std::string& url,
                                             const std::optional<Validators>& known);
    Digest download(Call& call, const std::string& url, HttpResponse& response);
    std::optional<Validators> usable(Call& call, const PullTarget& target);
    std::optional<PulledModule> cached(Call& call, const PullTarget& target, const Digest& file);

    static constexpr std::size_t MaxValidators = 1000;

    CacheTiers& _cache;
    DigestIndex& _index;
    ModuleIntake _intake;
    const TransportFor _transportFor;
    std::mutex _mutex;
    std::map<std::string, Validators> _validators; // by url; lost with the process, which costs one download
};

} // namespace wasmproxy::host
