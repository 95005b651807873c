// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "CredentialChain.h"
#include "EcrBackend.h"
#include "plugins/TemporaryDirectory.h"
#include "support/ExpectError.h"

#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/TestServices.h"

#include <cppunit/extensions/HelperMacros.h>

#include <openssl/evp.h>

#include <fstream>
#include <map>
#include <memory>

namespace wasmproxy::ecr::test {

using namespace std::chrono_literals;
using testing::FakeRegistry;
using wasmproxy::test::expectError;
namespace faults = testing::faults;

inline const std::string Registry = "123456789012.dkr.ecr.us-west-2.amazonaws.com";
inline const std::string Api = "https://api.ecr.us-west-2.amazonaws.com";
inline const std::string PublicApi = "https://api.ecr-public.us-east-1.amazonaws.com";
inline const std::string Imds = "http://169.254.169.254";
inline const std::string SecretKey = "canary-secret-access-key";
inline const std::string SessionToken = "canary-session-token";
inline constexpr std::int64_t Now = 1767225600; ///< FixedClock's

inline std::string base64(const std::string& text) {
    std::string result(4 * ((text.size() + 2) / 3) + 1, '\0');
    result.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                                           reinterpret_cast<const unsigned char*>(text.data()),
                                                           static_cast<int>(text.size()))));
    return result;
}

/// As ECR writes it: a number with an exponent.
inline std::string authorization(const std::string& password, std::int64_t expires = Now + 43200) {
    char number[32];
    std::snprintf(number, sizeof number, "%.12E", static_cast<double>(expires));
    return R"({"authorizationToken":")" + base64("AWS:" + password) + R"(","expiresAt":)" + number + "}";
}

inline std::string privateAnswer(const std::string& password, std::int64_t expires = Now + 43200) {
    return R"({"authorizationData":[)" + authorization(password, expires) + "]}";
}

/// A world of fake hosts, an environment to fill and a directory for files.
class EcrFixture : public CppUnit::TestFixture {
protected:
    std::string write(const std::string& name, const std::string& text) {
        const std::string path = directory.path() + "/" + name;
        std::ofstream(path) << text;
        return path;
    }
    Environment environment() {
        return [this](const char* name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::string() : found->second;
        };
    }
    void haveKeys() {
        variables["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
        variables["AWS_SECRET_ACCESS_KEY"] = SecretKey;
        variables["AWS_SESSION_TOKEN"] = SessionToken;
    }
    std::unique_ptr<EcrSettings> settings(const std::vector<KeyValue>& values = {}) {
        auto result = std::make_unique<EcrSettings>();
        std::vector<SettingsProblem> problems;
        result->apply(values, "backend.ecr.", problems);
        CPPUNIT_ASSERT_MESSAGE(problems.empty() ? "" : problems.front().message, problems.empty());
        return result;
    }
    std::optional<AwsCredentials> find(const std::vector<KeyValue>& values = {}) {
        const auto given = settings(values);
        return CredentialChain(host, *given, environment()).find(call, *EcrHost::parse(Registry));
    }
    void assertSilent(const std::string& text) const {
        for (const auto& canary : {SecretKey, SessionToken})
            CPPUNIT_ASSERT_MESSAGE(text, text.find(canary) == std::string::npos);
    }

    TemporaryDirectory directory;
    std::map<std::string, std::string> variables;
    FakeRegistry world;
    testing::TestServices host{world};
    Call call{"test", Call::Clock::now() + 20s};
};

} // namespace wasmproxy::ecr::test
