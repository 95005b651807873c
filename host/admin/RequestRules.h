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

/// What a request's head says that endpoints need not see.
struct AdminHead {
    std::optional<std::uint64_t> length; ///< Content-Length
    std::string contentType;             ///< lower case, without parameters
    std::string authorization;
    std::string fetchSite; ///< Sec-Fetch-Site
    bool expectsContinue = false;
    bool secure = false;                       ///< over TLS
    std::string localAddress;                  ///< that it came in at
    std::vector<std::string> certificateNames; ///< of a client certificate that was verified

    bool hasBody() const { return length.value_or(0) != 0; }
};

/// Reads what Poco's parser made of a head. Throws RequestRefusal for a Transfer-Encoding, repeated headers that are
/// read here, a target that is not a path, and other things that have two readings.
AdminHead readRequest(const Poco::Net::HTTPServerRequest& received, AdminRequest& request);

/// Which Host and Origin may be named beside the listener's own.
struct PageRules {
    std::uint16_t port = 0;
    bool loopback = true;             ///< the listener's address
    std::vector<std::string> hosts;   ///< "name" for any port, or "name:port"
    std::vector<std::string> origins; ///< "https://console.example"
};

/// Keeps web pages out: a page can make a browser send requests here under a name that its owner re-points to this
/// address (so Host must be an address of ours or a name that was allowed), and from any origin (so Origin, where it is
/// sent, must be ours or allowed). nullopt: it may pass. Pure.
std::optional<AdminAnswer> refuseForeignPage(const AdminRequest& request, const AdminHead& head,
                                             const PageRules& rules);

/// Refuses a body that the operation does not take or that a form of a page can send. nullopt: it may be read. Pure.
std::optional<AdminAnswer> refuseBody(const AdminRequest& request, const AdminHead& head,
                                      const AdminOperation& operation);

} // namespace wasmproxy::host
