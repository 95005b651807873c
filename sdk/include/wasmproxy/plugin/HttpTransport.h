// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/BodyReader.h"
#include "wasmproxy/plugin/Call.h"
#include "wasmproxy/plugin/Secret.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wasmproxy {

struct HttpHeader {
    std::string name;
    std::string value;
};

/// Asks the transport to sign a request as Amazon's APIs want it (Signature Version 4). All headers of the request are
/// signed, and `Host`; an upload needs a header `x-amz-content-sha256`, a query must be sorted. It is signed as of now;
/// a header `X-Amz-Date` sets another time, for tests against known signatures only (libcurl 7.88 sends that line
/// twice, which Amazon refuses).
struct AwsSignature {
    std::string region;  ///< "eu-west-1"
    std::string service; ///< "ecr"
    std::string accessKeyId;
    Secret secretAccessKey;
    Secret sessionToken; ///< sent as X-Amz-Security-Token; empty: none
};

/// TLS of one request, instead of the instance's. Immutable once a request has it; connections are shared only by
/// requests with equal values.
struct HttpTls {
    std::string authorities; ///< PEM, trusted instead of the system's; empty: the instance's or the system's
    std::string certificate; ///< PEM of the client; empty: none
    Secret key;              ///< PEM, its private key
};

/// A body that is read from a file while it is sent: `size` bytes from the file's beginning, whatever its offset is.
/// The descriptor stays the caller's, open and unchanged until the answer is destroyed.
struct HttpUpload {
    int descriptor = -1;
    std::uint64_t size = 0;
};

struct HttpRequest {
    std::string method = "GET"; ///< GET, HEAD, POST, PUT or DELETE
    std::string url;            ///< absolute, http or https, no user info, no fragment
    std::vector<HttpHeader> headers;
    std::string body;
    std::optional<HttpUpload> upload;      ///< of PUT, instead of `body`
    std::optional<AwsSignature> signature; ///< instead of a header `Authorization`
    std::shared_ptr<const HttpTls> tls;    ///< nullptr: as the instance was configured
    bool streaming = false; ///< a watch: its body may pause as long as it likes, only call.deadline() bounds it
};

/// The head of an answer, and its body as it arrives.
class HttpResponse : public BodyReader {
public:
    virtual int status() const noexcept = 0;
    virtual const std::vector<HttpHeader>& headers() const noexcept = 0;

    /// The first value of that header (case-insensitive), or "". Defined in the SDK, not virtual.
    std::string header(std::string_view name) const;
    /// All values of that header, in order.
    std::vector<std::string> headerValues(std::string_view name) const;
    /// Reads the body to its end. Throws Error{UpstreamInvalid} past `limit` bytes; `what` names the body in it.
    std::string readAll(std::size_t limit, const char* what);
};

/// HTTP as the host does it for one plugin instance: its own TLS settings, proxy, connections and dial rules. Thread-
/// safe. One hop: a redirect is an answer like any other, so that its target can be judged first.
///
/// A host that the operator wrote is dialled as written. Every other host (a redirect's, a realm's, a wildcard
/// route's) is vetted when dialled: link-local and metadata addresses never, private ones only by setting.
class HttpTransport {
public:
    virtual ~HttpTransport() = default;
    /// Sends and waits for the head; call.deadline() bounds head and body together. Throws Error:
    /// UpstreamUnavailable (DNS, connect, TLS, reset), UpstreamInvalid (broken HTTP, header too large),
    /// AddressRefused, DeadlineExceeded, Internal (a request with a control character in URL or header).
    virtual std::unique_ptr<HttpResponse> send(Call& call, const HttpRequest& request) = 0;
};

} // namespace wasmproxy
