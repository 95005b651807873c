// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace wasmproxy::test {

/// A fresh RSA key and a certificate that signs itself, or that another one signed, for TLS servers and token signers
/// in tests.
class Certificate {
public:
    /// `names` become subject alternative names, IP addresses among them as such; the first is the common name.
    explicit Certificate(const std::vector<std::string>& names) : Certificate(names, nullptr) {}
    /// Signed by `issuer` instead of by itself; it is no authority then.
    Certificate(const std::vector<std::string>& names, const Certificate& issuer) : Certificate(names, &issuer) {}

    evp_pkey_st* key() const noexcept { return _key.get(); }
    x509_st* x509() const noexcept { return _x509.get(); }
    std::string pem() const;
    std::string keyPem() const;
    std::string der() const;

private:
    Certificate(const std::vector<std::string>& names, const Certificate* issuer);

    std::unique_ptr<evp_pkey_st, void (*)(evp_pkey_st*)> _key;
    std::unique_ptr<x509_st, void (*)(x509_st*)> _x509;
};

} // namespace wasmproxy::test
