// SPDX-License-Identifier: Apache-2.0
#include "support/Certificate.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace wasmproxy::test {
namespace {

void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

bool isAddress(const std::string& name) {
    in6_addr ignored{};
    return inet_pton(AF_INET, name.c_str(), &ignored) == 1 || inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
}

void addExtension(X509* certificate, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    require(extension != nullptr, "extension");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

template <class Write>
std::string written(Write write) {
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    require(out && write(out.get()) == 1, "encoding");
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out.get(), &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
}

} // namespace

Certificate::Certificate(const std::vector<std::string>& names, const Certificate* issuer)
    : _key(EVP_RSA_gen(2048), EVP_PKEY_free), _x509(X509_new(), X509_free) {
    require(_key && _x509, "key");
    X509* certificate = _x509.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
    X509_set_pubkey(certificate, _key.get());
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(names.front().c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer->x509()) : subject);
    std::string alternatives;
    for (const auto& name : names) {
        if (!alternatives.empty()) alternatives += ",";
        alternatives += (isAddress(name) ? "IP:" : "DNS:") + name;
    }
    addExtension(certificate, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    addExtension(certificate, NID_subject_alt_name, alternatives);
    require(X509_sign(certificate, issuer ? issuer->key() : _key.get(), EVP_sha256()) > 0, "signing");
}

std::string Certificate::pem() const {
    return written([&](BIO* out) { return PEM_write_bio_X509(out, _x509.get()); });
}

std::string Certificate::keyPem() const {
    return written(
        [&](BIO* out) { return PEM_write_bio_PrivateKey(out, _key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string Certificate::der() const {
    return written([&](BIO* out) { return i2d_X509_bio(out, _x509.get()); });
}

} // namespace wasmproxy::test
