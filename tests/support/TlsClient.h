// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmproxy::test {

class Certificate;

/// Sends exactly what it is told over TLS to 127.0.0.1.
class TlsClient {
public:
    /// `authority` must have signed the server's certificate, which must be for `name`; `own` is shown if asked for.
    TlsClient(int port, const Certificate& authority, const Certificate* own = nullptr, std::string name = "localhost")
        : _port(port), _authority(authority), _own(own), _name(std::move(name)) {}

    /// All that comes back, until the end of the connection; within ten seconds. Throws std::runtime_error where there
    /// is no connection that both sides agree to, or where it ends without TLS's end.
    std::string exchange(const std::string& request) const;

private:
    int _port;
    const Certificate& _authority;
    const Certificate* _own;
    std::string _name;
};

} // namespace wasmproxy::test
