// SPDX-License-Identifier: Apache-2.0
#include "support/TlsClient.h"

#include "support/Certificate.h"

#include <arpa/inet.h>
#include <memory>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace wasmproxy::test {
namespace {

struct Socket {
    int value = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ~Socket() { ::close(value); }
};

[[noreturn]] void fail(const std::string& what) {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    ERR_clear_error();
    throw std::runtime_error(what + ": " + text);
}

} // namespace

std::string TlsClient::exchange(const std::string& request) const {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), _authority.x509());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (_own != nullptr && (SSL_CTX_use_certificate(context.get(), _own->x509()) != 1 ||
                            SSL_CTX_use_PrivateKey(context.get(), _own->key()) != 1))
        fail("own certificate");

    const Socket socket;
    const timeval patience{10, 0};
    ::setsockopt(socket.value, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket.value, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(_port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("connect");

    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
    SSL_set_fd(tls.get(), socket.value);
    SSL_set1_host(tls.get(), _name.c_str());
    if (SSL_connect(tls.get()) != 1) fail("handshake");
    if (SSL_write(tls.get(), request.data(), static_cast<int>(request.size())) <= 0) fail("write");
    std::string answer;
    char bytes[16384];
    int count = 0;
    while ((count = SSL_read(tls.get(), bytes, sizeof bytes)) > 0)
        answer.append(bytes, static_cast<std::size_t>(count));
    if (SSL_get_error(tls.get(), count) != SSL_ERROR_ZERO_RETURN) fail("read, after " + answer);
    return answer;
}

} // namespace wasmproxy::test
