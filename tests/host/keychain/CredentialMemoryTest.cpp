// SPDX-License-Identifier: Apache-2.0
#include "keychain/CredentialMemory.h"

#include <cppunit/extensions/HelperMacros.h>

#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::host;
using std::chrono::milliseconds;

namespace {

Credential basic(const std::string& name, const std::string& password) {
    return {Credential::Kind::Basic, name, "user", Secret(password)};
}
Error rejected() {
    return Error(ErrorCode::CredentialRefused, "401");
}
Error denied() {
    return Error(ErrorCode::RepositoryDenied, "403");
}

} // namespace

class CredentialMemoryTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CredentialMemoryTest);
    CPPUNIT_TEST(aRefusalLastsItsTimeAndNoLonger);
    CPPUNIT_TEST(eachFurtherTryDoublesTheWait);
    CPPUNIT_TEST(theWaitIsBounded);
    CPPUNIT_TEST(requestsOfOneTryCountOnce);
    CPPUNIT_TEST(aChangedSecretIsNotRemembered);
    CPPUNIT_TEST(anOldSecretThatComesBackIsTriedAtOnce);
    CPPUNIT_TEST(othersInForceEndNothing);
    CPPUNIT_TEST(denialIsForOneRepository);
    CPPUNIT_TEST(manyDenialsFreeNoRejection);
    CPPUNIT_TEST(anOpenRepositoryEndsNoRejection);
    CPPUNIT_TEST(saysWhatIsRefusedAndUntilWhen);
    CPPUNIT_TEST(whatWorkedIsKnown);
    CPPUNIT_TEST_SUITE_END();

    const Repository _repository{"r.example.com", "team/a"};
    const Repository _sibling{"r.example.com", "team/b"};

    void aRefusalLastsItsTimeAndNoLonger() {
        CredentialMemory memory(milliseconds(150));
        const auto wrong = basic("x", "wrong");
        memory.refused(_repository, wrong, rejected());
        CPPUNIT_ASSERT(memory.refusal(_repository, wrong));
        CPPUNIT_ASSERT(memory.refusal(_sibling, wrong)); // the whole registry
        CPPUNIT_ASSERT(!memory.refusal(Repository("s.example.com", "team/a"), wrong));
        std::this_thread::sleep_for(milliseconds(200));
        CPPUNIT_ASSERT(!memory.refusal(_repository, wrong));
    }

    /// How long the refusal of a try now lasts.
    milliseconds waitAfterTry(CredentialMemory& memory, const Credential& credential) const {
        const auto start = CredentialMemory::Clock::now();
        memory.refused(_repository, credential, rejected());
        while (memory.refusal(_repository, credential))
            std::this_thread::sleep_for(milliseconds(2));
        return std::chrono::duration_cast<milliseconds>(CredentialMemory::Clock::now() - start);
    }

    void eachFurtherTryDoublesTheWait() {
        CredentialMemory memory(milliseconds(100), std::chrono::minutes(10));
        const auto wrong = basic("x", "wrong");
        CPPUNIT_ASSERT(waitAfterTry(memory, wrong) >= milliseconds(100));
        CPPUNIT_ASSERT(waitAfterTry(memory, wrong) >= milliseconds(200));
        CPPUNIT_ASSERT(waitAfterTry(memory, wrong) >= milliseconds(400));
        memory.accepted(_repository, wrong); // it was right, after all
        CPPUNIT_ASSERT(waitAfterTry(memory, wrong) < milliseconds(350));
    }

    void theWaitIsBounded() {
        CredentialMemory memory(milliseconds(50), milliseconds(120));
        const auto wrong = basic("x", "wrong");
        for (int i = 0; i < 4; ++i) {
            memory.refused(_repository, wrong, rejected());
            std::this_thread::sleep_for(milliseconds(125));
            CPPUNIT_ASSERT(!memory.refusal(_repository, wrong));
        }
    }

    void requestsOfOneTryCountOnce() {
        CredentialMemory memory(milliseconds(150));
        const auto wrong = basic("x", "wrong");
        for (int i = 0; i < 6; ++i)
            memory.refused(_repository, wrong, rejected());
        std::this_thread::sleep_for(milliseconds(200));
        CPPUNIT_ASSERT(!memory.refusal(_repository, wrong));
    }

    void aChangedSecretIsNotRemembered() {
        CredentialMemory memory;
        memory.refused(_repository, basic("x", "old"), rejected());
        CPPUNIT_ASSERT(memory.refusal(_repository, basic("x", "old")));
        CPPUNIT_ASSERT(!memory.refusal(_repository, basic("x", "new")));
    }

    void anOldSecretThatComesBackIsTriedAtOnce() {
        CredentialMemory memory;
        const auto a = basic("team: r in file", "A");
        const auto b = basic("team: r in file", "B");
        memory.refused(_repository, a, rejected());
        memory.inForce(_repository, {a});
        CPPUNIT_ASSERT(memory.refusal(_repository, a)); // unchanged
        memory.inForce(_sibling, {b});                  // by whatever repository it is seen
        CPPUNIT_ASSERT(!memory.refusal(_repository, a));
        memory.refused(_repository, b, rejected());
        memory.inForce(_repository, {a});
        CPPUNIT_ASSERT(!memory.refusal(_repository, b));
    }

    void othersInForceEndNothing() {
        CredentialMemory memory;
        const auto a = basic("team: r in file", "A");
        memory.refused(_repository, a, rejected());
        memory.inForce(_repository, {});                                         // it has gone, not changed
        memory.inForce(_repository, {basic("other: r in file", "B")});           // another one
        memory.inForce(_repository, {a, basic("team: r in file", "B")});         // it is still there
        memory.inForce({"s.example.com", "x"}, {basic("team: r in file", "B")}); // another registry
        CPPUNIT_ASSERT(memory.refusal(_repository, a));
    }

    void denialIsForOneRepository() {
        CredentialMemory memory;
        const auto good = basic("x", "good");
        memory.refused(_repository, good, denied());
        CPPUNIT_ASSERT(memory.refusal(_repository, good));
        CPPUNIT_ASSERT(!memory.refusal(_sibling, good));
        memory.accepted(_repository, good);
        CPPUNIT_ASSERT(!memory.refusal(_repository, good));
        // Anonymous has no password that could be wrong, so a 401 to it says nothing about other repositories.
        memory.refused(_repository, Credential::anonymous(), rejected());
        CPPUNIT_ASSERT(memory.refusal(_repository, Credential::anonymous()));
        CPPUNIT_ASSERT(!memory.refusal(_sibling, Credential::anonymous()));
    }

    void manyDenialsFreeNoRejection() {
        CredentialMemory memory;
        const auto wrong = basic("x", "wrong");
        const auto good = basic("y", "good");
        memory.refused(_repository, wrong, rejected());
        for (int i = 0; i < 10050; ++i)
            memory.refused({"r.example.com", "many/" + std::to_string(i)}, good, denied());
        CPPUNIT_ASSERT(memory.refusal(_repository, wrong));
        CPPUNIT_ASSERT(memory.refusal({"r.example.com", "many/10049"}, good));
        CPPUNIT_ASSERT(!memory.refusal({"r.example.com", "many/0"}, good)); // the oldest made room
    }

    void anOpenRepositoryEndsNoRejection() {
        CredentialMemory memory;
        const auto wrong = basic("x", "wrong");
        memory.refused(_repository, wrong, rejected());
        memory.accepted(_sibling, wrong);
        CPPUNIT_ASSERT(memory.refusal(_repository, wrong));
    }

    void saysWhatIsRefusedAndUntilWhen() {
        CredentialMemory memory;
        const auto wrong = basic("team: r in file", "CANARY4711");
        const auto error = memory.refused(_repository, wrong, rejected());
        CPPUNIT_ASSERT_EQUAL(std::string("401"), std::string(error.what()));
        const auto hint = error.hint();
        CPPUNIT_ASSERT_MESSAGE(hint, hint.find("'team: r in file' is shown to r.example.com again in 3") !=
                                         std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(hint, hint.find("CANARY") == std::string::npos);
        const auto later = memory.refusal(_sibling, wrong);
        CPPUNIT_ASSERT(later && later->code() == ErrorCode::CredentialRefused);
        CPPUNIT_ASSERT_MESSAGE(later->hint(), later->hint().find("again in 3") != std::string::npos);
    }

    void whatWorkedIsKnown() {
        CredentialMemory memory;
        memory.accepted(_repository, basic("y", "2"));
        CPPUNIT_ASSERT(memory.lastWorked(_repository, basic("y", "2")));
        CPPUNIT_ASSERT(!memory.lastWorked(_repository, basic("x", "1")));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CredentialMemoryTest);
