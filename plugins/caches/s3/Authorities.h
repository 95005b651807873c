// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/HttpTransport.h"

#include <memory>
#include <mutex>
#include <string>

namespace wasmproxy::s3 {

/// The PEM file of the setting ca-file, looked at again every minute. Thread-safe.
class Authorities {
public:
    explicit Authorities(std::string path) : _path(std::move(path)) {}

    /// nullptr where there is no such setting: as the host is set up. Throws Error{CredentialSourceFault} for a file
    /// that never could be read.
    std::shared_ptr<const HttpTls> get();

private:
    const std::string _path;
    std::mutex _mutex;
    std::shared_ptr<const HttpTls> _tls;
    std::chrono::steady_clock::time_point _lookAgain{};
};

} // namespace wasmproxy::s3
