// SPDX-License-Identifier: Apache-2.0
// What a RegistryDialect gets to see of answers, and its say in what a refusal means.
#include "BackendFixture.h"

using namespace wasmproxy;
using namespace wasmproxy::test;

namespace {

class CuriousDialect : public RegistryDialect {
public:
    void observe(const Repository& repository, const HttpResponse& response) override {
        seen += repository.path() + "=" + std::to_string(response.status()) + " ";
    }
    ErrorCode codeOf(const Refusal& refusal) const override {
        refusals.push_back(refusal);
        return refusal.status == 418 ? ErrorCode::Blocked : refusal.code;
    }

    std::string seen;
    mutable std::vector<Refusal> refusals;
};

} // namespace

class DialectHooksTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(DialectHooksTest);
    CPPUNIT_TEST(observesTheRegistryOnly);
    CPPUNIT_TEST(decidesWhatARefusalMeans);
    CPPUNIT_TEST(isToldWhomATokenIsFor);
    CPPUNIT_TEST(isNotAskedAboutStorage);
    CPPUNIT_TEST_SUITE_END();

    CuriousDialect* dialect = nullptr;

    void start() {
        auto own = std::make_unique<CuriousDialect>();
        dialect = own.get();
        backend = make({}, std::move(own));
    }

    void observesTheRegistryOnly() {
        start();
        serve(bearer());
        registry.put("https://storage.example.net/x", BlobBytes);
        registry.inject("GET", "/blobs/", [](const FakeRegistry::Seen& seen, FakeRegistry::Reply& reply) {
            if (seen.authorized()) faults::redirect(307, "https://storage.example.net/x")(seen, reply);
        });
        CPPUNIT_ASSERT_EQUAL(BlobBytes, fetch(blob()));
        CPPUNIT_ASSERT_EQUAL(std::string("a/b=401 a/b=307 "), dialect->seen);
    }

    void decidesWhatARefusalMeans() {
        start();
        serve();
        registry.inject("", "/v2/", faults::status(418));
        expectRefusal(ErrorCode::Blocked, "418");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), dialect->refusals.size());
        CPPUNIT_ASSERT(dialect->refusals[0].code == ErrorCode::UpstreamInvalid);
        CPPUNIT_ASSERT(dialect->refusals[0].credential == Credential::Kind::Basic);
        CPPUNIT_ASSERT(!dialect->refusals[0].byToken);
        CPPUNIT_ASSERT(!dialect->refusals[0].tokenSubject);
    }

    void isToldWhomATokenIsFor() {
        const std::pair<const char*, std::optional<std::string>> tokens[] = {
            {"e30.eyJzdWIiOiJyb2JvdCRjaSJ9.c2ln", "robot$ci"}, // {"sub":"robot$ci"}
            {"e30.eyJzdWIiOiIifQ.c2ln", ""},                   // {"sub":""}
            {"e30.eyJzdWIiOjE3fQ.c2ln", ""},                   // {"sub":17}
            {"e30.e30.c2ln", ""},                              // {}
            {"e30.W10.c2ln", std::nullopt},                    // []
            {"e30.ISE.c2ln", std::nullopt},                    // no JSON
            {"opaque", std::nullopt},
            {"a.b", std::nullopt},
            {"a.b.c.d", std::nullopt},
        };
        for (const auto& [token, subject] : tokens) {
            auto access = bearer();
            access.tokenReply = [text = std::string(token)](const std::string&) {
                return R"({"token":")" + text + R"("})";
            };
            start();
            serve(access);
            // A token for somebody: the token service took the password, so it is not what is wrong.
            const bool named = subject && !subject->empty();
            expectRefusal(named ? ErrorCode::RepositoryDenied : ErrorCode::CredentialRefused, "401");
            CPPUNIT_ASSERT_EQUAL_MESSAGE(token, std::size_t(1), dialect->refusals.size());
            CPPUNIT_ASSERT_MESSAGE(token, dialect->refusals[0].byToken);
            CPPUNIT_ASSERT_MESSAGE(token, dialect->refusals[0].tokenSubject == subject);
        }
    }

    void isNotAskedAboutStorage() {
        start();
        serve();
        registry.put("https://storage.example.net/x", "");
        registry.inject("HEAD", "/v2/", faults::redirect(307, "https://storage.example.net/x"));
        registry.inject("", "storage.example.net", faults::status(418));
        expectRefusal(ErrorCode::UpstreamInvalid, "storage.example.net");
        CPPUNIT_ASSERT(dialect->refusals.empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DialectHooksTest);
