// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/plugin/Trace.h"

#include <string>
#include <string_view>

namespace wasmproxy::host {

/// What the data plane needs of a request's head. Reused from request to request.
struct RequestHead {
    enum class Method { Get, Head, Other };

    Method method = Method::Other;
    bool http10 = false;
    bool keepAlive = false; ///< what the client asks for
    std::string target;
    std::string ifNoneMatch; ///< all of them, as one list
    std::string ifRange;
    std::string range;     ///< empty also where there are several
    std::string requestId; ///< the client's, if it may be adopted: [A-Za-z0-9._-]{1,64}
    Trace trace;           ///< the client's; a malformed one is as none
};

/// Reads a head that RequestGate has let through. Returns nullptr, or what makes the request one that is answered with
/// 400 and a closed connection: a body, a Transfer-Encoding, a repeated or malformed Host, Content-Length, …
const char* readHead(std::string_view bytes, RequestHead& head);

} // namespace wasmproxy::host
