// SPDX-License-Identifier: Apache-2.0
#include "BackendFixture.h"

namespace wasmproxy::test {
namespace {

/// Some backends speak to a metadata service themselves, so the transport lets them; a registry must not use that.
class RedirectAddressTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(RedirectAddressTest);
    CPPUNIT_TEST(neverToMetadataServices);
    CPPUNIT_TEST(samePasswordIsNotShownTwice);
    CPPUNIT_TEST_SUITE_END();

public:
    void neverToMetadataServices() {
        serve();
        for (const char* address : {"169.254.169.254", "169.254.170.23:8080", "[fd00:ec2::254]", "[fe80::1]"}) {
            const std::string url = std::string("https://") + address + "/latest/meta-data";
            registry.put(url, Manifest);
            registry.heal();
            registry.inject("", "/v2/", faults::redirect(307, url));
            expectError(address, ErrorCode::AddressRefused, "metadata address", [&] { resolve(); });
            CPPUNIT_ASSERT_EQUAL(std::size_t(0), registry.count("", "/latest/"));
        }
    }

    void samePasswordIsNotShownTwice() {
        class Expiring : public RegistryDialect {
            bool saysExpired(int status, const std::string&) const override { return status == 401; }
        };
        backend = make({}, std::make_unique<Expiring>());
        FakeRegistry::Access access = bearer();
        access.kind = FakeRegistry::Access::Kind::Basic;
        serve(access);
        expectError("wrong", ErrorCode::CredentialRefused, "401", [&] { resolve(user("wrong")); });
        std::size_t shown = 0;
        for (const auto& seen : registry.seen())
            shown += seen.authorized();
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), shown);
    }

private:
    void resolve(const Credential& credential = Credential::anonymous()) {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        backend->resolve(call, Reference::parse("reg.example.com/a/b:v1"), credential);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RedirectAddressTest);

} // namespace
} // namespace wasmproxy::test
