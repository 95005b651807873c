// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HostServices.h"
#include "wasmproxy/plugin/RegistryHealth.h"

#include <mutex>

namespace wasmproxy::dockerhub {

/// What Docker Hub's answers say of its limit of pulls. Thread-safe.
class RateLimit final : public RegistryHealth {
public:
    explicit RateLimit(HostServices& host) : _host(host) {}

    /// Answers without the headers change nothing: most have none, and who is not limited gets none at all.
    void read(const HttpResponse& response);
    std::optional<Measurement> measurement() const override;

private:
    HostServices& _host;
    mutable std::mutex _mutex;
    std::optional<Measurement> _last;
    std::chrono::system_clock::time_point _saidUntil{}; ///< that little remains
};

} // namespace wasmproxy::dockerhub
