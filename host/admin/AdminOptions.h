// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace wasmproxy::host {

/// Section [admin], as the server takes it. Paths are absolute or empty.
struct AdminOptions {
    std::string listen = "127.0.0.1:8081";
    std::string readTokenFile;
    std::string operateTokenFile;
    std::string tlsCertificate;
    std::string tlsKey;
    std::string clientCa;
    std::vector<std::string> readNames; ///< of client certificates
    std::vector<std::string> operateNames;
    std::vector<std::string> hosts;   ///< that may stand in Host beside the listener's own
    std::vector<std::string> origins; ///< whose pages may ask
    bool plainHttp = false;           ///< tokens without TLS on an address that is not loopback
    std::string uploadDirectory;      ///< for bodies that go to files; empty: the system's
};

} // namespace wasmproxy::host
