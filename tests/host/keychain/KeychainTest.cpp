// SPDX-License-Identifier: Apache-2.0
#include "keychain/Keychain.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

Credential basic(const std::string& name, const std::string& password) {
    return {Credential::Kind::Basic, name, "user", Secret(password)};
}

class FixedSource : public CredentialSource {
public:
    explicit FixedSource(std::vector<Credential> credentials) : _credentials(std::move(credentials)) {}
    std::vector<Credential> find(Call&, const CredentialQuery&) override { return _credentials; }

private:
    std::vector<Credential> _credentials;
};

/// Knows one Secret, as a source of a cluster does.
class SecretSource : public CredentialSource {
public:
    std::vector<Credential> find(Call&, const CredentialQuery& query) override {
        if (query.secretName.empty()) return {basic("regcred", "1"), basic("ghcr", "2")};
        if (query.secretName == "ghcr") return {basic("ghcr", "2")};
        return {};
    }
};

class BrokenSource : public CredentialSource {
public:
    std::vector<Credential> find(Call&, const CredentialQuery&) override {
        throw Error(ErrorCode::CredentialSourceFault, "config.json:3 is not JSON", "fix it");
    }
};

Call call() {
    return {"test", Call::Clock::now() + std::chrono::seconds(5)};
}

} // namespace

class KeychainTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeychainTest);
    CPPUNIT_TEST(asksInTheGivenOrder);
    CPPUNIT_TEST(anErrorStopsAndNamesTheSource);
    CPPUNIT_TEST(aNamedSecretNarrowsTheSearch);
    CPPUNIT_TEST_SUITE_END();

    const Repository _repository{"r.example.com", "team/a"};

    void asksInTheGivenOrder() {
        FixedSource none({}), one({basic("x", "1")}), two({basic("y", "2"), basic("same as x", "1")});
        const Keychain keychain({{"none", &none}, {"one", &one}, {"two", &two}});
        auto c = call();
        const auto forward = keychain.find(c, _repository, {"none", "one", "two"});
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), forward.size()); // the duplicate is asked once
        CPPUNIT_ASSERT_EQUAL(std::string("one: x"), forward[0].name);
        CPPUNIT_ASSERT_EQUAL(std::string("two: y"), forward[1].name);
        const auto backward = keychain.find(c, _repository, {"two", "one"});
        CPPUNIT_ASSERT_EQUAL(std::string("two: y"), backward[0].name);
        CPPUNIT_ASSERT(keychain.find(c, _repository, {"none"}).empty());
        CPPUNIT_ASSERT(keychain.find(c, _repository, {}).empty());
    }

    void anErrorStopsAndNamesTheSource() {
        BrokenSource broken;
        FixedSource good({basic("x", "1")});
        const Keychain keychain({{"team", &broken}, {"other", &good}});
        auto c = call();
        test::expectError("broken first", ErrorCode::CredentialSourceFault, "credential.team: config.json:3", [&] {
            keychain.find(c, _repository, {"team", "other"});
        });
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), keychain.find(c, _repository, {"other"}).size());
    }

    void aNamedSecretNarrowsTheSearch() {
        SecretSource cluster;
        FixedSource none({});
        BrokenSource broken;
        const Keychain keychain({{"plain", &none}, {"cluster", &cluster}, {"team", &broken}});
        auto c = call();
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), keychain.find(c, _repository, {"plain", "cluster"}).size());
        const auto found = keychain.find(c, _repository, {"plain", "cluster"}, "ghcr");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size());
        CPPUNIT_ASSERT_EQUAL(std::string("cluster: ghcr"), found[0].name);
        test::expectError("unknown Secret", ErrorCode::CredentialSourceFault,
                          "Secret 'gone' with a credential for r.example.com (asked: credential.plain, "
                          "credential.cluster)",
                          [&] {
                              keychain.find(c, _repository, {"plain", "cluster"}, "gone");
                          });
        test::expectError("no source", ErrorCode::CredentialSourceFault, "there is no source to ask",
                          [&] { keychain.find(c, _repository, {}, "gone"); });
        test::expectError("a source that cannot say", ErrorCode::CredentialSourceFault,
                          "credential.team: config.json:3", [&] {
                              keychain.find(c, _repository, {"team", "cluster"}, "ghcr");
                          });
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeychainTest);
