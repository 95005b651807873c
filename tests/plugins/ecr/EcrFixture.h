// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "EcrBackend.h"
#include "sdk/aws/AwsFixture.h"

#include <openssl/evp.h>

#include <memory>

namespace wasmproxy::ecr::test {

using namespace std::chrono_literals;
using aws::test::AwsFixture;
using aws::test::Imds;
using aws::test::SecretKey;
using aws::test::SessionToken;
using testing::FakeRegistry;
using wasmproxy::test::expectError;
namespace faults = testing::faults;

inline const std::string Registry = "123456789012.dkr.ecr.us-west-2.amazonaws.com";
inline const std::string Api = "https://api.ecr.us-west-2.amazonaws.com";
inline const std::string PublicApi = "https://api.ecr-public.us-east-1.amazonaws.com";
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

/// That world, with settings of the plugin.
class EcrFixture : public AwsFixture {
protected:
    std::unique_ptr<EcrSettings> settings(const std::vector<KeyValue>& values = {}) {
        auto result = std::make_unique<EcrSettings>();
        std::vector<SettingsProblem> problems;
        result->apply(values, "backend.ecr.", problems);
        CPPUNIT_ASSERT_MESSAGE(problems.empty() ? "" : problems.front().message, problems.empty());
        return result;
    }
};

} // namespace wasmproxy::ecr::test
