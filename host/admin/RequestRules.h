// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/AdminRequest.h"

#include <cstdint>
#include <optional>

namespace Poco::Net {
class HTTPServerRequest;
}

namespace wasmproxy::host {

/// A request that is answered by its fault alone.
struct RequestRefusal {
    int status;
    std::string message;
};

/// Reads what Poco's parser made of a head. Throws RequestRefusal for a body, a Transfer-Encoding, repeated Host or
/// Content-Length, a target that is not a path, and other things that have two readings.
void readRequest(const Poco::Net::HTTPServerRequest& received, AdminRequest& request);

/// Keeps web pages out of an API without passwords on loopback: a page can make a browser send requests here under a
/// name that its owner re-points to 127.0.0.1 (so Host must be a loopback address or localhost, with our port), and
/// from any origin (so Origin, where it is sent, must be ours). nullopt: it may pass. Pure.
std::optional<AdminAnswer> refuseForeignPage(const AdminRequest& request, std::uint16_t port);

} // namespace wasmproxy::host
