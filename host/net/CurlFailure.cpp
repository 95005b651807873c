// SPDX-License-Identifier: Apache-2.0
#include "net/CurlFailure.h"

#include "net/HttpText.h"

namespace wasmproxy::host {
namespace {

std::string printable(std::string text) {
    for (auto& c : text) {
        if (hasControl({&c, 1}) || static_cast<unsigned char>(c) >= 0x80 || c == '\t') c = '?';
    }
    return text;
}

} // namespace

Error failureOf(CURLcode code, const std::string& where, const std::string& reason, bool headComplete,
                const TransportSettings& settings) {
    const std::string cause = printable(reason.empty() ? curl_easy_strerror(code) : reason);
    const std::string key = "backend." + settings.instance + ".";
    const auto unavailable = [&](const std::string& what, std::string hint = {}) {
        return Error(ErrorCode::UpstreamUnavailable, what + ": " + cause, std::move(hint));
    };
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return unavailable("cannot reach " + where + " by its proxy", "check " + key + "proxy");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        if (cause.find("subject name") != std::string::npos)
            return unavailable("the certificate of " + where + " is for another host",
                               "ask for it by a name that its certificate has");
        return unavailable("the certificate of " + where + " is not accepted",
                           "if a CA of your own signed it, set " + key + "ca-file to that CA's PEM file");
    case CURLE_SSL_CACERT_BADFILE:
        return unavailable("cannot verify " + where, settings.caFile.empty()
                                                         ? "the system's CA certificates cannot be read"
                                                         : "check " + key + "ca-file = " + settings.caFile);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CLIENTCERT:
        return unavailable("the client certificate for " + where + " does not work",
                           "check " + key + "client-certificate and " + key + "client-key");
    case CURLE_PARTIAL_FILE:
        return unavailable(where + " cut the body");
    case CURLE_RECV_ERROR:
        if (cause.find("chunked-encoding") != std::string::npos || cause.find("response header") != std::string::npos)
            return Error(ErrorCode::UpstreamInvalid, where + " broke the protocol: " + cause);
        return unavailable("the connection to " + where + " broke");
    case CURLE_OUT_OF_MEMORY: // how libcurl 7.88 calls a header line over its own limit
        if (headComplete) return Error(ErrorCode::Internal, "libcurl is out of memory");
        return Error(ErrorCode::UpstreamInvalid, where + " sent a header line that is too long");
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: // HTTP/0.9: the URL's own scheme was checked before
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_HTTP2:
    case CURLE_WRITE_ERROR:
        return Error(ErrorCode::UpstreamInvalid, where + " broke the protocol: " + cause);
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
    case CURLE_FAILED_INIT:
        return Error(ErrorCode::Internal, "libcurl cannot do a request to " + where + ": " + cause);
    default:
        return unavailable("cannot reach " + where);
    }
}

} // namespace wasmproxy::host
