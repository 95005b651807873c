// SPDX-License-Identifier: Apache-2.0
#include "keychain/Keychain.h"

#include "support/ExpectError.h"
#include "wasmproxy/plugin/SecretUnknown.h"

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

/// Has one Secret, and says of others that they are not there, as a source of a cluster does.
class ClusterSource : public CredentialSource {
public:
    ClusterSource(std::string nameSpace, std::string secret)
        : _nameSpace(std::move(nameSpace)), _secret(std::move(secret)) {}
    std::vector<Credential> find(Call&, const CredentialQuery& query) override {
        if (query.secretName == _secret) return {basic(_nameSpace + "/" + _secret, _nameSpace)};
        throw SecretUnknown("Secret " + _nameSpace + "/" + query.secretName + " does not exist",
                            "create it in " + _nameSpace);
    }

private:
    const std::string _nameSpace;
    const std::string _secret;
};

/// Knows one Secret.
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
    CPPUNIT_TEST(oneThatWasAddedMayGo);
    CPPUNIT_TEST(anErrorStopsAndNamesTheSource);
    CPPUNIT_TEST(aLaterErrorTakesNothingAway);
    CPPUNIT_TEST(aNamedSecretNarrowsTheSearch);
    CPPUNIT_TEST(theSearchEndsWithTheNamedSecret);
    CPPUNIT_TEST(aSecretOfEitherNamespaceIsFound);
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

    void oneThatWasAddedMayGo() {
        FixedSource one({basic("x", "1")});
        Keychain keychain({{"one", &one}});
        auto c = call();
        keychain.add({"more", &one});
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), keychain.find(c, _repository, {"more"}).size());
        keychain.remove("more");
        CPPUNIT_ASSERT_THROW(keychain.find(c, _repository, {"more"}), Error);
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), keychain.uses().size());
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

    void aLaterErrorTakesNothingAway() {
        BrokenSource broken;
        FixedSource good({basic("x", "1")}), later({basic("y", "2")}), none({});
        const Keychain keychain({{"good", &good}, {"none", &none}, {"broken", &broken}, {"later", &later}});
        auto c = call();
        const auto found = keychain.find(c, _repository, {"good", "broken", "later"});
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size()); // and the error stops all the same
        CPPUNIT_ASSERT_EQUAL(std::string("good: x"), found[0].name);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(1), keychain.uses().at("broken").failed);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), keychain.uses().at("later").asked);
        test::expectError("nothing found", ErrorCode::CredentialSourceFault, "credential.broken: config.json:3", [&] {
            keychain.find(c, _repository, {"none", "broken", "later"});
        });
    }

    void theSearchEndsWithTheNamedSecret() {
        SecretSource cluster;
        BrokenSource broken;
        const Keychain keychain({{"cluster", &cluster}, {"broken", &broken}, {"again", &cluster}});
        auto c = call();
        const auto found = keychain.find(c, _repository, {"cluster", "broken", "again"}, "ghcr");
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size());
        CPPUNIT_ASSERT_EQUAL(std::string("cluster: ghcr"), found[0].name);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(0), keychain.uses().at("broken").asked);
    }

    void aSecretOfEitherNamespaceIsFound() {
        ClusterSource istio("istio-system", "regcred"), partners("partners", "partner");
        BrokenSource broken;
        FixedSource none({});
        const Keychain keychain({{"cluster", &istio}, {"elsewhere", &partners}, {"broken", &broken}, {"none", &none}});
        auto c = call();
        for (const auto& sources : {std::vector<std::string>{"cluster", "elsewhere"}, {"elsewhere", "cluster"}})
            for (const auto& [secret, name] : std::vector<std::pair<std::string, std::string>>{
                     {"regcred", "cluster: istio-system/regcred"}, {"partner", "elsewhere: partners/partner"}}) {
                const auto found = keychain.find(c, _repository, sources, secret);
                CPPUNIT_ASSERT_EQUAL(std::size_t(1), found.size());
                CPPUNIT_ASSERT_EQUAL(name, found[0].name);
            }
        const auto absent = [&] { keychain.find(c, _repository, {"cluster", "elsewhere", "none"}, "gone"); };
        test::expectError("in neither", ErrorCode::CredentialSourceFault,
                          "credential.cluster: Secret istio-system/gone does not exist; "
                          "credential.elsewhere: Secret partners/gone does not exist",
                          absent);
        test::expectError("with what to do", ErrorCode::CredentialSourceFault,
                          "create it in istio-system; create it in partners", absent);
        // What cannot be said is no absence.
        test::expectError("a fault", ErrorCode::CredentialSourceFault, "credential.broken: config.json:3", [&] {
            keychain.find(c, _repository, {"cluster", "broken", "elsewhere"}, "partner");
        });
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
