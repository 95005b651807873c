// SPDX-License-Identifier: Apache-2.0
#include "net/CurlFailure.h"

#include "net/HttpText.h"

#include <optional>
#include <string_view>

namespace wasmproxy::host {
namespace {

std::string printable(std::string text) {
    for (auto& c : text) {
        if (hasControl({&c, 1}) || static_cast<unsigned char>(c) >= 0x80 || c == '\t') c = '?';
    }
    return text;
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A proxy that opens no tunnel. Whether it answers so or the registry is what an operator must know first.
std::optional<Error> refusedByProxy(const std::string& where, const std::string& cause, const std::string& key) {
    constexpr std::string_view Words = "CONNECT tunnel failed, response ";
    const auto at = cause.find(Words);
    if (at == std::string::npos) return std::nullopt;
    const std::string status = cause.substr(at + Words.size(), 3);
    return Error(ErrorCode::UpstreamUnavailable,
                 "the proxy, not the registry, answered " + status + " when asked to connect to " + where,
                 status == "407"
                     ? "the proxy wants a user name and a password, which " + key + "proxy has none of, or others"
                     : "allow it there, or set " + key +
                           "no-proxy if it can be reached without; the proxy is that of " + key + "proxy");
}

/// An alert by which a server says what it thinks of the certificate that we show or do not show.
std::optional<Error> refusedClient(const std::string& where, const std::string& cause, const std::string& key,
                                   bool shown) {
    if (!holds(cause, " alert ")) return std::nullopt;
    const std::string both = key + "client-certificate and " + key + "client-key";
    if (holds(cause, "certificate") || holds(cause, "unknown ca"))
        return shown
                   ? Error(ErrorCode::UpstreamUnavailable, where + " does not accept our client certificate: " + cause,
                           "check " + both + ": is it valid now, and signed by a CA that the server trusts?")
                   : Error(ErrorCode::UpstreamUnavailable, where + " demands a client certificate: " + cause,
                           "set " + both);
    // All that a server says by TLS 1.2, and not of this alone.
    if (holds(cause, "handshake failure") && !shown)
        return Error(ErrorCode::UpstreamUnavailable, "cannot agree on TLS with " + where + ": " + cause,
                     "if it demands a client certificate, set " + both);
    return std::nullopt;
}

} // namespace

Error failureOf(CURLcode code, const std::string& where, const std::string& reason, bool headComplete,
                const TransportSettings& settings) {
    const std::string cause = printable(reason.empty() ? curl_easy_strerror(code) : reason);
    const std::string key = "backend." + settings.instance + ".";
    const auto unavailable = [&](const std::string& what, std::string hint = {}) {
        return Error(ErrorCode::UpstreamUnavailable, what + ": " + cause, std::move(hint));
    };
    if (const auto error = refusedByProxy(where, cause, key)) return *error;
    if (const auto error = refusedClient(where, cause, key, !settings.clientCertificate.empty())) return *error;
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
