// SPDX-License-Identifier: Apache-2.0
// The half of Exchange that says to libcurl what is wanted.
#include "net/Exchange.h"
#include "net/HttpText.h"

#include "wasmproxy/plugin/Secret.h"

#include <algorithm>
#include <cctype>
#include <new>
#include <openssl/rand.h>

namespace wasmproxy::host {
namespace {

constexpr std::size_t SignedBodyLimit = 128 * 1024; // libcurl adds no `Expect` to so little

bool mayHaveBody(const std::string& method) {
    return method == "POST" || method == "PUT";
}

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorCode::Internal, "the transport was given a request " + why);
}

void check(const HttpRequest& request) {
    if (request.method != "GET" && request.method != "HEAD" && request.method != "DELETE" &&
        !mayHaveBody(request.method))
        refuse("with a method other than GET, HEAD, POST, PUT and DELETE");
    if (!request.body.empty() && !mayHaveBody(request.method)) refuse("with a body on " + request.method);
    if (request.upload && (request.method != "PUT" || !request.body.empty() || request.upload->descriptor < 0))
        refuse("to upload by " + request.method + ", beside a body or from no file");
    for (const auto& header : request.headers) {
        if (!isToken(header.name)) refuse("with a header name that is not a token");
        if (hasControl(header.value)) refuse("with a control character in header " + header.name);
    }
}

bool isGiven(const HttpRequest& request, std::string_view name) {
    for (const auto& header : request.headers) {
        if (equalsIgnoringCase(header.name, name)) return true;
    }
    return false;
}

bool isPlainWord(const std::string& text) {
    const auto ok = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), ok);
}

void checkSigned(const HttpRequest& request) {
    const AwsSignature& signature = *request.signature;
    // They go into a format of libcurl's with ':' between its parts, and into a header.
    if (!isPlainWord(signature.region) || !isPlainWord(signature.service))
        refuse("to sign for an AWS region or service that is no name");
    if (!isToken(signature.accessKeyId) || signature.secretAccessKey.empty())
        refuse("to sign without an AWS access key");
    if (hasControl(signature.sessionToken.reveal())) refuse("with a control character in its AWS session token");
    if (isGiven(request, "Authorization")) refuse("both to sign and with header Authorization");
    if (request.body.size() > SignedBodyLimit) refuse("to sign with a body larger than 128 KiB");
    if (request.upload && !isGiven(request, "x-amz-content-sha256"))
        refuse("to sign an upload without header x-amz-content-sha256");
}

/// What frames the message is ours to say; a caller may only repeat it.
bool isOurs(const HttpRequest& request, const HttpHeader& header) {
    if (equalsIgnoringCase(header.name, "Accept-Encoding") && equalsIgnoringCase(header.value, "identity")) return true;
    if (equalsIgnoringCase(header.name, "Content-Length") && header.value == std::to_string(request.body.size()))
        return true;
    for (const char* name :
         {"Host", "Connection", "Content-Length", "Transfer-Encoding", "TE", "Expect", "Upgrade", "Accept-Encoding",
          "Proxy-Authorization", "Proxy-Connection", "Keep-Alive", "Trailer", "traceparent", "tracestate"}) {
        if (equalsIgnoringCase(header.name, name)) refuse("with header " + header.name + ", which the transport sets");
    }
    return false;
}

std::string newSpanId() {
    unsigned char bytes[8];
    if (RAND_bytes(bytes, sizeof bytes) != 1) throw Error(ErrorCode::Internal, "there is no randomness");
    bytes[0] |= 1; // all zeros is no span
    std::string text;
    for (const unsigned char byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

} // namespace

template <class T>
void Exchange::set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(_lane->easy(), option, value);
    if (code == CURLE_OK) return;
    throw Error(ErrorCode::Internal,
                "libcurl refuses option " + std::to_string(option) + ": " + curl_easy_strerror(code));
}

void Exchange::configure(const HttpRequest& request) {
    check(request);
    if (request.signature) checkSigned(request);
    _requestBody = request.body;
    set(CURLOPT_ERRORBUFFER, _reason);
    set(CURLOPT_NOSIGNAL, 1L);   // so whoever owns the process must ignore SIGPIPE
    set(CURLOPT_QUICK_EXIT, 1L); // a resolver that hangs must not hold us past the deadline
    set(CURLOPT_CURLU, _target.handle());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTP09_ALLOWED, 0L);
    set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_USERAGENT, "wasm-proxy/" WASMPROXY_VERSION);
    set(CURLOPT_BUFFERSIZE, 64 * 1024L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_HEADERFUNCTION, &Exchange::onHeader);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Exchange::onBody);
    set(CURLOPT_WRITEDATA, this);
    configureConnection();
    configureTls(request.tls.get());
    if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (request.method == "DELETE") set(CURLOPT_CUSTOMREQUEST, "DELETE");
    if (mayHaveBody(request.method)) configureBody(request);
    setHeaders(request);
}

void Exchange::configureBody(const HttpRequest& request) {
    if (request.upload) {
        _upload.emplace(*request.upload, _speed, _target.hostAndPort());
        set(CURLOPT_UPLOAD, 1L);
        set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(_upload->size()));
        set(CURLOPT_READFUNCTION, &Exchange::onUpload);
        set(CURLOPT_READDATA, this);
        set(CURLOPT_SEEKFUNCTION, &Exchange::onRewind);
        set(CURLOPT_SEEKDATA, this);
    } else {
        set(CURLOPT_POST, 1L);
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(_requestBody.size()));
        set(CURLOPT_POSTFIELDS, _requestBody.data());
        if (request.method != "POST") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
}

void Exchange::configureConnection() {
    set(CURLOPT_PROXY, _viaProxy ? _settings.proxy.c_str() : ""); // "" also turns the environment's off
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(_settings.connectTimeout.count()));
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, 30L);
    set(CURLOPT_TCP_KEEPINTVL, 15L);
    set(CURLOPT_OPENSOCKETFUNCTION, &Exchange::onOpenSocket);
    set(CURLOPT_OPENSOCKETDATA, this);
}

void Exchange::configureTls(const HttpTls* own) {
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_CA_CACHE_TIMEOUT, 60L); // a replaced CA file is seen within a minute
    if (own && !own->authorities.empty()) {
        setBlob(CURLOPT_CAINFO_BLOB, own->authorities);
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr)); // else the system's folder is trusted beside it
    } else if (!_settings.caFile.empty()) {
        set(CURLOPT_CAINFO, _settings.caFile.c_str());
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (own) {
        if (own->certificate.empty()) return;
        setBlob(CURLOPT_SSLCERT_BLOB, own->certificate);
        setBlob(CURLOPT_SSLKEY_BLOB, own->key.reveal());
        return;
    }
    if (!_settings.clientCertificate.empty()) set(CURLOPT_SSLCERT, _settings.clientCertificate.c_str());
    if (!_settings.clientKey.empty()) set(CURLOPT_SSLKEY, _settings.clientKey.c_str());
}

void Exchange::setBlob(CURLoption option, std::string_view bytes) {
    // libcurl only reads it; without COPY it would have to outlive the handle.
    curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_COPY};
    set(option, &blob);
}

void Exchange::setHeaders(const HttpRequest& request) {
    set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE)); // never to a proxy
    for (const auto& header : request.headers) {
        if (isOurs(request, header)) continue;
        const std::string_view value = trimmed(header.value);
        std::string line = header.name + (value.empty() ? ";" : ": ") + std::string(value);
        addHeader(line);
        Secret::wipe(line);
    }
    if (request.signature) {
        // libcurl signs every header in the list, the empty ones too, which it does not send.
        if (mayHaveBody(request.method) && !isGiven(request, "Content-Type"))
            refuse("to sign with a body of no Content-Type");
        set(CURLOPT_ACCEPT_ENCODING, "identity");
        sign(*request.signature);
    } else {
        addHeader("Accept-Encoding: identity");
        addHeader("Expect:"); // the empty ones take away what libcurl would add
        if (mayHaveBody(request.method) && !isGiven(request, "Content-Type")) addHeader("Content-Type:");
        addTrace();
    }
    set(CURLOPT_HTTPHEADER, _requestHeaders);
}

/// Not on signed requests: what a client of ours wrote would be part of what is signed.
void Exchange::addTrace() {
    const auto& trace = _call.trace();
    if (trace.empty()) return;
    addHeader("traceparent: " + trace.parentHeader(newSpanId()));
    if (!trace.state().empty()) addHeader("tracestate: " + trace.state());
}

void Exchange::sign(const AwsSignature& signature) {
    set(CURLOPT_AWS_SIGV4, ("aws:amz:" + signature.region + ":" + signature.service).c_str());
    set(CURLOPT_USERNAME, signature.accessKeyId.c_str());
    std::string key(signature.secretAccessKey.reveal());
    set(CURLOPT_PASSWORD, key.c_str());
    Secret::wipe(key);
    if (signature.sessionToken.empty()) return;
    std::string line = "X-Amz-Security-Token: ";
    line.reserve(line.size() + signature.sessionToken.reveal().size()); // one buffer, so that wiping it wipes all
    line.append(signature.sessionToken.reveal());
    addHeader(line);
    Secret::wipe(line);
}

void Exchange::addHeader(const std::string& line) {
    curl_slist* longer = curl_slist_append(_requestHeaders, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    _requestHeaders = longer;
}

} // namespace wasmproxy::host
