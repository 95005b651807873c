// SPDX-License-Identifier: Apache-2.0
#include "EcrBackend.h"

#include <cppunit/extensions/HelperMacros.h>

namespace wasmproxy::ecr::test {
namespace {

class EcrHostTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EcrHostTest);
    CPPUNIT_TEST(knowsAllForms);
    CPPUNIT_TEST(refusesLookalikes);
    CPPUNIT_TEST(knowsRoutesWithStars);
    CPPUNIT_TEST_SUITE_END();

public:
    void knowsAllForms() {
        struct Row {
            const char* host;
            const char* region;
            const char* api;
            const char* sts;
        };
        const Row rows[] = {
            {"123456789012.dkr.ecr.us-west-2.amazonaws.com", "us-west-2", "api.ecr.us-west-2.amazonaws.com",
             "sts.us-west-2.amazonaws.com"},
            {"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1",
             "ecr-fips.us-gov-west-1.amazonaws.com", "sts-fips.us-gov-west-1.amazonaws.com"},
            {"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "api.ecr.cn-north-1.amazonaws.com.cn",
             "sts.cn-north-1.amazonaws.com.cn"},
            {"123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1", "api.ecr.eu-west-1.api.aws",
             "sts.eu-west-1.amazonaws.com"},
            {"123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", "ecr-fips.us-east-1.api.aws",
             "sts-fips.us-east-1.amazonaws.com"},
            {"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1",
             "api.ecr.cn-north-1.api.amazonwebservices.com.cn", "sts.cn-north-1.amazonaws.com.cn"},
            {"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1",
             "api.ecr.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu"},
            {"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "api.ecr.us-iso-east-1.c2s.ic.gov",
             "sts.us-iso-east-1.c2s.ic.gov"},
            {"public.ecr.aws", "us-east-1", "api.ecr-public.us-east-1.amazonaws.com", "sts.us-east-1.amazonaws.com"},
            {"ecr-public.aws.com", "us-east-1", "api.ecr-public.us-east-1.amazonaws.com",
             "sts.us-east-1.amazonaws.com"},
        };
        for (const auto& row : rows) {
            const auto parsed = EcrHost::parse(row.host);
            CPPUNIT_ASSERT_MESSAGE(row.host, parsed.has_value());
            CPPUNIT_ASSERT_EQUAL(std::string(row.region), parsed->region);
            CPPUNIT_ASSERT_EQUAL(std::string(row.api), parsed->apiHost());
            CPPUNIT_ASSERT_EQUAL(std::string(row.sts), parsed->stsHost());
            CPPUNIT_ASSERT_EQUAL(std::string(parsed->isPublic ? "" : "123456789012"), parsed->account);
        }
    }

    void refusesLookalikes() {
        for (const char* host :
             {"", "12345678901.dkr.ecr.us-west-2.amazonaws.com", "1234567890123.dkr.ecr.us-west-2.amazonaws.com",
              "123456789012.dkr.ecr.us-west-2.amazonaws.com.evil.example", "123456789012.dkr.ecr..amazonaws.com",
              "123456789012.dkr.ecr.us-west-2.amazonaws.org", "123456789012.dkr.ecr.us-west-2amazonaws.com",
              "123456789012.dkr.ecr.-x.amazonaws.com", "x123456789012.dkr.ecr.us-west-2.amazonaws.com",
              "123456789012.dkrxecr.us-west-2.amazonaws.com", "evil.public.ecr.aws", "public.ecr.aws.evil.example",
              "12345678901a.dkr.ecr.us-west-2.amazonaws.com", "123456789012.dkr.ecr.us-west-2"})
            CPPUNIT_ASSERT_MESSAGE(host, !EcrHost::parse(host));
    }

    void knowsRoutesWithStars() {
        CPPUNIT_ASSERT(isEcr("*.dkr.ecr.eu-west-1.amazonaws.com"));
        CPPUNIT_ASSERT(isEcr("*.dkr.ecr.*.amazonaws.com"));
        CPPUNIT_ASSERT(isEcr("123456789012.dkr.ecr.us-west-2.amazonaws.com"));
        CPPUNIT_ASSERT(isEcr("public.ecr.aws"));
        for (const char* host : {"*", "*.amazonaws.com", "*.com", "*.dkr.ecr.eu-west-1.example.com", "registry.local"})
            CPPUNIT_ASSERT_MESSAGE(host, !isEcr(host));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EcrHostTest);

} // namespace
} // namespace wasmproxy::ecr::test
