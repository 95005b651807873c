// SPDX-License-Identifier: Apache-2.0
#include "SignedAssertion.h"

#include "wasmproxy/oci/Error.h"

#include <Poco/JSONString.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace wasmproxy::gcr {

namespace {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

[[noreturn]] void fail(const std::string& why) {
    ::ERR_clear_error(); // what OpenSSL has to say is about the key
    throw Error(ErrorCode::CredentialSourceFault, "private_key " + why,
                "use the JSON key file as Google's console or `gcloud iam service-accounts keys create` wrote it");
}

Key readKey(const Secret& pem) {
    const std::string_view text = pem.reveal();
    if (text.empty() || text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) fail("is empty");
    const std::unique_ptr<BIO, Deleter<BIO_vfree>> bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    // No terminal is asked for a pass phrase.
    const auto noPhrase = [](char*, int, int, void*) { return -1; };
    Key key(bio ? ::PEM_read_bio_PrivateKey(bio.get(), nullptr, noPhrase, nullptr) : nullptr);
    if (!key) fail("is no PEM private key without pass phrase");
    if (::EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA || ::EVP_PKEY_get_bits(key.get()) < 2048)
        fail("is no RSA key of 2048 bits or more");
    return key;
}

} // namespace

std::string base64Url(std::string_view bytes) {
    std::string result(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size =
        ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                          reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    result.resize(static_cast<std::size_t>(size));
    while (!result.empty() && result.back() == '=')
        result.pop_back();
    std::replace(result.begin(), result.end(), '+', '-');
    std::replace(result.begin(), result.end(), '/', '_');
    return result;
}

Secret SignedAssertion::sign(const Secret& privateKey, std::chrono::system_clock::time_point now) const {
    const auto text = [](const std::string& value) { return Poco::toJSON(value, Poco::JSON_WRAP_STRINGS); };
    const auto issued = std::chrono::system_clock::to_time_t(now - ClockDrift);
    std::string header = R"({"alg":"RS256","typ":"JWT")";
    if (!keyId.empty()) header += ",\"kid\":" + text(keyId);
    const std::string claims = "{\"iss\":" + text(issuer) + ",\"scope\":" + text(scope) + ",\"aud\":" + text(audience) +
                               ",\"iat\":" + std::to_string(issued) +
                               ",\"exp\":" + std::to_string(issued + Life.count()) + "}";
    std::string token = base64Url(header + "}") + "." + base64Url(claims);

    const Key key = readKey(privateKey);
    const std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>> context(::EVP_MD_CTX_new());
    const auto* bytes = reinterpret_cast<const unsigned char*>(token.data());
    std::size_t size = 0;
    if (!context || ::EVP_DigestSignInit(context.get(), nullptr, ::EVP_sha256(), nullptr, key.get()) != 1 ||
        ::EVP_DigestSign(context.get(), nullptr, &size, bytes, token.size()) != 1)
        fail("cannot sign");
    std::string signature(size, '\0');
    if (::EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                         token.size()) != 1)
        fail("cannot sign");
    signature.resize(size);
    token += "." + base64Url(signature);
    const Secret result{token};
    Secret::wipe(token);
    return result;
}

} // namespace wasmproxy::gcr
