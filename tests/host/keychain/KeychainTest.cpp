// SPDX-License-Identifier: Apache-2.0
#include "keychain/Keychain.h"
#include "keychain/CredentialMemory.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <thread>

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
    CPPUNIT_TEST(aRefusalLastsItsTimeAndNoLonger);
    CPPUNIT_TEST(aChangedSecretIsNotRemembered);
    CPPUNIT_TEST(denialIsForOneRepository);
    CPPUNIT_TEST(whatWorkedIsKnown);
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

    void aRefusalLastsItsTimeAndNoLonger() {
        CredentialMemory memory(std::chrono::milliseconds(150));
        const auto wrong = basic("x", "wrong");
        memory.refused(_repository, wrong, Error(ErrorCode::CredentialRefused, "401"));
        CPPUNIT_ASSERT(memory.refusal(_repository, wrong));
        CPPUNIT_ASSERT(memory.refusal(Repository("r.example.com", "team/b"), wrong)); // the whole registry
        CPPUNIT_ASSERT(!memory.refusal(Repository("s.example.com", "team/a"), wrong));
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        CPPUNIT_ASSERT(!memory.refusal(_repository, wrong));
    }

    void aChangedSecretIsNotRemembered() {
        CredentialMemory memory;
        memory.refused(_repository, basic("x", "old"), Error(ErrorCode::CredentialRefused, "401"));
        CPPUNIT_ASSERT(memory.refusal(_repository, basic("x", "old")));
        CPPUNIT_ASSERT(!memory.refusal(_repository, basic("x", "new")));
        memory.accepted(_repository, basic("x", "old"));
        CPPUNIT_ASSERT(!memory.refusal(_repository, basic("x", "old")));
    }

    void denialIsForOneRepository() {
        CredentialMemory memory;
        const auto good = basic("x", "good");
        memory.refused(_repository, good, Error(ErrorCode::RepositoryDenied, "403"));
        CPPUNIT_ASSERT(memory.refusal(_repository, good));
        CPPUNIT_ASSERT(!memory.refusal(Repository("r.example.com", "team/b"), good));
        // Anonymous has no password that could be wrong, so a 401 to it says nothing about other repositories.
        memory.refused(_repository, Credential::anonymous(), Error(ErrorCode::CredentialRefused, "401"));
        CPPUNIT_ASSERT(!memory.refusal(Repository("r.example.com", "public/b"), Credential::anonymous()));
    }

    void whatWorkedIsKnown() {
        CredentialMemory memory;
        memory.accepted(_repository, basic("y", "2"));
        CPPUNIT_ASSERT(memory.lastWorked(_repository, basic("y", "2")));
        CPPUNIT_ASSERT(!memory.lastWorked(_repository, basic("x", "1")));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeychainTest);
