// SPDX-License-Identifier: Apache-2.0
#include "TlsChannel.h"

#include "ServerFault.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>

namespace wasmproxy::redis {

namespace {

bool isAddress(const std::string& host) {
    unsigned char bytes[16];
    return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

} // namespace

TlsChannel::TlsChannel(std::unique_ptr<Channel> below, std::shared_ptr<const TlsTrust> trust, const std::string& host,
                       const Patience& patience)
    : _below(std::move(below)), _trust(std::move(trust)), _session(SSL_new(_trust->get()), SSL_free), _host(host) {
    if (!_session) throw ServerFault("cannot set TLS up: " + opensslText());
    _in = BIO_new(BIO_s_mem());
    _out = BIO_new(BIO_s_mem());
    SSL_set_bio(_session.get(), _in, _out); // which owns them now
    const bool named = isAddress(host)
                           ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(_session.get()), host.c_str()) == 1
                           : SSL_set1_host(_session.get(), host.c_str()) == 1 &&
                                 SSL_set_tlsext_host_name(_session.get(), host.c_str()) == 1;
    if (!named) throw ServerFault("cannot verify certificates for " + host + ": " + opensslText());
    while (true) {
        ERR_clear_error();
        const int result = SSL_connect(_session.get());
        if (result == 1) break;
        serve(result, patience);
    }
    flush(patience);
}

TlsChannel::~TlsChannel() = default;

void TlsChannel::send(std::string_view bytes, const Patience& patience) {
    while (!bytes.empty()) {
        constexpr std::size_t Piece = 64 * 1024; // of which OpenSSL makes records in memory before any is sent
        ERR_clear_error();
        const int sent =
            SSL_write(_session.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), Piece)));
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            flush(patience);
        } else {
            serve(sent, patience);
        }
    }
}

std::size_t TlsChannel::receive(char* buffer, std::size_t size, const Patience& patience) {
    while (true) {
        if (patience.over()) patience.fail("waiting for an answer");
        ERR_clear_error();
        const int got = SSL_read(_session.get(), buffer, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
        if (got > 0) return static_cast<std::size_t>(got);
        serve(got, patience);
    }
}

void TlsChannel::serve(int result, const Patience& patience) {
    const int wanted = SSL_get_error(_session.get(), result);
    if (wanted == SSL_ERROR_ZERO_RETURN) throw ServerFault("it closed the connection");
    if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) fail();
    flush(patience);
    if (wanted == SSL_ERROR_WANT_WRITE) return;
    char buffer[16 * 1024];
    const std::size_t got = _below->receive(buffer, sizeof buffer, patience);
    if (BIO_write(_in, buffer, static_cast<int>(got)) != static_cast<int>(got)) fail();
}

void TlsChannel::flush(const Patience& patience) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(_out, &bytes);
    if (size <= 0) return;
    _below->send({bytes, static_cast<std::size_t>(size)}, patience);
    BIO_reset(_out);
}

void TlsChannel::fail() const {
    const long verified = SSL_get_verify_result(_session.get());
    if (verified != X509_V_OK)
        throw ServerFault("its certificate is not trusted: " + std::string(X509_verify_cert_error_string(verified)),
                          verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH
                              ? "`url` must name the server as its certificate does"
                              : "name the authority that signed it in `ca-file`");
    throw ServerFault("TLS failed: " + opensslText(), "does this port speak TLS, and does it want a client's "
                                                      "certificate (`client-certificate`, `client-key`)?");
}

bool TlsChannel::quiet() const {
    return SSL_pending(_session.get()) == 0 && BIO_ctrl_pending(_in) == 0 && _below->quiet();
}

} // namespace wasmproxy::redis
