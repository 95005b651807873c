// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/oci/StrictJson.h"
#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/TestServices.h"

#include "GcrBackend.h"
#include "plugins/TemporaryDirectory.h"
#include "support/ExpectError.h"

#include <Poco/JSONString.h>
#include <cppunit/extensions/HelperMacros.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace wasmproxy::test {

using testing::FakeRegistry;
namespace faults = wasmproxy::testing::faults;
using namespace std::chrono_literals;

inline const std::string Registry = "https://europe-docker.pkg.dev";
inline const std::string Metadata = "http://metadata.google.internal.";
inline const std::string MetadataToken = Metadata + "/computeMetadata/v1/instance/service-accounts/default/token";
inline const std::string TokenUrl = "https://oauth2.googleapis.com/token";
inline const std::string StsUrl = "https://sts.googleapis.com/v1/token";
inline const std::string Account = "puller@example-project.iam.gserviceaccount.com";
inline const std::string ImpersonationUrl =
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" + Account + ":generateAccessToken";
inline const std::string Audience =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q";

inline std::string jsonText(const std::string& text) {
    return Poco::toJSON(text, Poco::JSON_WRAP_STRINGS);
}

inline std::string tokenReply(const std::string& token, int life = 3600) {
    return R"({"access_token":")" + token + R"(","expires_in":)" + std::to_string(life) + R"(,"token_type":"Bearer"})";
}

/// A private key and what an independent verifier needs. Made once: 2048 bits take a while.
struct TestKey {
    std::string privatePem;
    std::string publicPem;

    static const TestKey& rsa() {
        static const TestKey key(EVP_RSA_gen(2048));
        return key;
    }
    static TestKey of(EVP_PKEY* key) { return TestKey(key); }

private:
    explicit TestKey(EVP_PKEY* key) {
        BIO* bio = BIO_new(BIO_s_mem());
        PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
        privatePem = drain(bio);
        PEM_write_bio_PUBKEY(bio, key);
        publicPem = drain(bio);
        BIO_free(bio);
        EVP_PKEY_free(key);
    }
    static std::string drain(BIO* bio) {
        char* bytes = nullptr;
        const auto size = BIO_get_mem_data(bio, &bytes);
        const std::string text(bytes, static_cast<std::size_t>(size));
        BIO_reset(bio);
        return text;
    }
};

inline std::string keyFile(const std::string& privateKey, const std::string& tokenUri = TokenUrl) {
    return R"({"type":"service_account","project_id":"example-project","private_key_id":"key-1","private_key":)" +
           jsonText(privateKey) + R"(,"client_email":")" + Account +
           R"(","client_id":"1","auth_uri":"https://a/","token_uri":)" + jsonText(tokenUri) + "}";
}

/// A backend before a world of Google's services in memory.
class GcrFixture : public CppUnit::TestFixture {
protected:
    FakeRegistry world;
    testing::TestServices host{world};
    TemporaryDirectory directory;
    std::unique_ptr<gcr::GcrBackend> backend;

    void make(const std::vector<KeyValue>& values, gcr::Environment environment = {}) {
        auto settings = std::make_unique<gcr::GcrSettings>();
        std::vector<SettingsProblem> problems;
        settings->apply(values, "", problems);
        CPPUNIT_ASSERT_MESSAGE(problems.empty() ? "" : problems[0].key + ": " + problems[0].message, problems.empty());
        backend = std::make_unique<gcr::GcrBackend>(host, std::move(settings), std::move(environment));
    }
    std::string write(const std::string& name, const std::string& text) const {
        writeFile(directory / name, text);
        return directory / name;
    }
    void makeWithKey(const std::string& text) { make({{"service-account-key-file", write("key.json", text), ""}}); }
    void makeWithAdc(const std::string& text, const std::vector<KeyValue>& values = {}) {
        make(values, {write("adc.json", text), {}, false});
    }

    CredentialSource& source() const {
        auto* const found = static_cast<CredentialSource*>(backend->ability(CredentialSource::Seam));
        CPPUNIT_ASSERT(found);
        return *found;
    }
    std::vector<Credential> find(const std::string& registry = "europe-docker.pkg.dev",
                                 std::chrono::milliseconds time = 20s) const {
        Call call("test", Call::Clock::now() + time);
        return source().find(call, {{registry, "p/r/i"}, {}});
    }
    /// The one access token found, or "".
    std::string token() const {
        const auto found = find();
        if (found.empty()) return {};
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size());
        CPPUNIT_ASSERT(found[0].kind == Credential::Kind::Basic);
        CPPUNIT_ASSERT_EQUAL(std::string("oauth2accesstoken"), found[0].username);
        return std::string(found[0].secret.reveal());
    }

    void serveMetadata(const std::string& token, int life = 3600) {
        world.put(MetadataToken, tokenReply(token, life));
        world.inject("", MetadataToken, faults::header("Metadata-Flavor", "Google"));
    }
    FakeRegistry::Seen only(const std::string& urlPart) const {
        std::vector<FakeRegistry::Seen> found;
        for (const auto& seen : world.seen())
            if ((seen.origin + seen.target).find(urlPart) != std::string::npos) found.push_back(seen);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(urlPart, std::size_t(1), found.size());
        return found[0];
    }
    /// What find() throws; it and the log hold none of `secrets`.
    void requireFault(const std::string& name, const std::string& words, const std::vector<std::string>& secrets = {}) {
        std::string text;
        try {
            find();
        } catch (const Error& error) {
            text = std::string(error.what()) + " / " + error.hint();
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name + ": " + text, static_cast<int>(ErrorCode::CredentialSourceFault),
                                         static_cast<int>(error.code()));
        }
        CPPUNIT_ASSERT_MESSAGE(name + ": expected '" + words + "' in: " + text, text.find(words) != std::string::npos);
        for (const auto& secret : secrets) {
            CPPUNIT_ASSERT_MESSAGE(name + " shows a secret", text.find(secret) == std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(name + " logs a secret", !host.logged(secret));
        }
    }
};

/// A form's fields, decoded.
inline std::map<std::string, std::string> formOf(const std::string& body) {
    std::map<std::string, std::string> result;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t end = std::min(body.find('&', at), body.size());
        const std::size_t equals = body.find('=', at);
        CPPUNIT_ASSERT(equals < end);
        std::string value;
        for (std::size_t i = equals + 1; i < end; ++i) {
            const bool escape = body[i] == '%';
            value += escape ? static_cast<char>(std::stoi(body.substr(i + 1, 2), nullptr, 16)) : body[i];
            if (escape) i += 2;
        }
        result[body.substr(at, equals - at)] = value;
        at = end + 1;
    }
    return result;
}

} // namespace wasmproxy::test
