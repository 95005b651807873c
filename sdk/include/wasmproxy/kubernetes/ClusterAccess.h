// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/kubernetes/ClusterConfig.h"
#include "wasmproxy/plugin/HttpTransport.h"

#include <chrono>
#include <memory>
#include <mutex>

namespace wasmproxy::kubernetes {

/// What ClusterConfig's files hold now. They are read again after a minute (a kubelet renews tokens), and at once when
/// a token was refused. A file that cannot be read any more leaves in force what it held. Thread-safe.
class ClusterAccess {
public:
    explicit ClusterAccess(ClusterConfig config, std::chrono::steady_clock::duration maxAge = std::chrono::seconds(60));

    const ClusterConfig& config() const noexcept { return _config; }
    /// Throw Error{CredentialSourceFault} where a file was never readable.
    Secret token();
    std::shared_ptr<const HttpTls> tls();
    /// 401 for `shown`: true if there is another token now.
    bool refused(const Secret& shown);

private:
    void refresh(bool now);

    const ClusterConfig _config;
    const std::chrono::steady_clock::duration _maxAge;
    std::mutex _mutex;
    bool _read = false;
    std::chrono::steady_clock::time_point _readAt;
    Secret _token;
    std::shared_ptr<const HttpTls> _tls;
};

} // namespace wasmproxy::kubernetes
