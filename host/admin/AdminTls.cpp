// SPDX-License-Identifier: Apache-2.0
#include "admin/AdminTls.h"

#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/File.h>
#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/X509Certificate.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace wasmproxy::host {

namespace net = Poco::Net;

namespace {

std::string textOf(const ASN1_STRING* value) {
    unsigned char* utf8 = nullptr;
    const int size = ::ASN1_STRING_to_UTF8(&utf8, value);
    if (size < 0) return {};
    std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    ::OPENSSL_free(utf8);
    return text; // with its NULs, so that "operator\0.evil" is not "operator"
}

void addCommonNames(const X509* certificate, std::vector<std::string>& names) {
    const X509_NAME* subject = ::X509_get_subject_name(certificate);
    for (int at = -1; (at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
        names.push_back(textOf(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at))));
}

void addAlternativeNames(const X509* certificate, std::vector<std::string>& names) {
    auto* list = static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
        if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI)
            names.push_back(textOf(name->d.ia5));
    }
    ::GENERAL_NAMES_free(list);
}

} // namespace

AdminTls::AdminTls(Files files) : _files(std::move(files)), _stamps(stamps()), _context(read()) {}

AdminTls::Stamps AdminTls::stamps() const {
    return {FileStamp(_files.certificate), FileStamp(_files.key), FileStamp(_files.clientCa)};
}

net::Context::Ptr AdminTls::read() const {
    const auto fail = [](const char* key, const std::string& path, const std::string& why) {
        ::ERR_clear_error();
        return Error(ErrorCode::SettingsInvalid, std::string("admin.") + key + ": " + path + " " + why,
                     "write the path of a PEM file that this user may read");
    };
    const auto check = [&](const char* key, const std::string& path) {
        if (path.empty()) return;
        if (FileStamp(path) == FileStamp()) throw fail(key, path, "does not exist, or cannot be reached");
    };
    check("tls-certificate", _files.certificate);
    check("tls-key", _files.key);
    check("client-ca", _files.clientCa);
    net::initializeSSL();
    net::Context::Params params;
    params.loadDefaultCAs = false;
    params.verificationMode = net::Context::VERIFY_NONE;
    try {
        net::Context::Ptr context = new net::Context(net::Context::TLS_SERVER_USE, params);
        SSL_CTX* ssl = context->sslContext();
        ::SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
        ::SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20"); // of TLS 1.2
        // One request per connection: nothing is gained by resuming, and no rotation of the authority is outlived.
        ::SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
        ::SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
        ::SSL_CTX_set_num_tickets(ssl, 0);
        if (::SSL_CTX_use_certificate_chain_file(ssl, _files.certificate.c_str()) != 1)
            throw fail("tls-certificate", _files.certificate, "holds no certificate that can be used");
        if (::SSL_CTX_use_PrivateKey_file(ssl, _files.key.c_str(), SSL_FILETYPE_PEM) != 1)
            throw fail("tls-key", _files.key, "holds no key that can be used, or not the certificate's");
        if (::SSL_CTX_check_private_key(ssl) != 1)
            throw fail("tls-key", _files.key, "is not the key of tls-certificate");
        if (!_files.clientCa.empty()) {
            STACK_OF(X509_NAME)* names = ::SSL_load_client_CA_file(_files.clientCa.c_str());
            if (names == nullptr || ::SSL_CTX_load_verify_locations(ssl, _files.clientCa.c_str(), nullptr) != 1) {
                sk_X509_NAME_pop_free(names, ::X509_NAME_free);
                throw fail("client-ca", _files.clientCa, "holds no certificate that can be used");
            }
            ::SSL_CTX_set_client_CA_list(ssl, names);
            // OpenSSL's own verdict, not Poco's callback. A client may come without one: it may have a token.
            ::SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
        }
        ::ERR_clear_error(); // the end of a PEM file is one, and would be taken for the next connection's
        return context;
    } catch (const Poco::Exception& e) {
        throw Error(ErrorCode::SettingsInvalid, "admin.tls-certificate: " + e.displayText());
    }
}

net::Context::Ptr AdminTls::current() {
    const std::lock_guard<std::mutex> lock(_mutex);
    if (auto now = stamps(); now != _stamps) {
        _stamps = std::move(now);
        try {
            _context = read();
            log(LogLevel::Information, "the admin certificate was read again", {{"file", _files.certificate}});
        } catch (const Error& error) {
            log(LogLevel::Warning, "the admin certificate stays as it was", {{"cause", error.what()}});
        }
    }
    return _context;
}

net::SecureStreamSocket AdminTls::accept(const net::StreamSocket& socket) {
    return net::SecureStreamSocket::attach(socket, current());
}

std::vector<std::string> AdminTls::namesOf(const net::SecureStreamSocket& socket) {
    std::vector<std::string> names;
    if (!socket.havePeerCertificate()) return names;
    const net::X509Certificate certificate = socket.peerCertificate();
    addCommonNames(certificate.certificate(), names);
    addAlternativeNames(certificate.certificate(), names);
    return names;
}

} // namespace wasmproxy::host
