// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/FileStamp.h"

#include <Poco/Net/Context.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::host {

/// TLS of a listener: certificate, key and the authority of client certificates, read again when one of the files
/// changes. What was read last stays in force while the new files cannot be used. Thread-safe.
class AdminTls {
public:
    struct Files {
        std::string certificate;
        std::string key;
        std::string clientCa; ///< empty: no client certificate is asked for
    };

    explicit AdminTls(Files files); ///< throws Error{SettingsInvalid} that names the setting

    /// `socket` as the server's end of a TLS connection; the handshake happens with the first byte that is read.
    Poco::Net::SecureStreamSocket accept(const Poco::Net::StreamSocket& socket);

    /// Common name and alternative names of the client's certificate, which OpenSSL verified; none without one.
    static std::vector<std::string> namesOf(const Poco::Net::SecureStreamSocket& socket);

private:
    using Stamps = std::vector<FileStamp>;

    Stamps stamps() const;
    Poco::Net::Context::Ptr read() const;
    Poco::Net::Context::Ptr current();

    const Files _files;
    std::mutex _mutex;
    Stamps _stamps;
    Poco::Net::Context::Ptr _context;
};

} // namespace wasmproxy::host
