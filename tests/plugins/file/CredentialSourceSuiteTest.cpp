// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include "plugins/RecordingHost.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>

using namespace wasmproxy;

namespace {

enum class Fault {
    None,
    NoInstance,
    NothingFound,
    WrongUser,
    EmptySecret,
    NoName,
    AnswersForAll,
    IgnoresSecretName,
    SecretInName,
    SecretInLog,
    SecretInError,
    SecretInLateError,
    Unstable,
    OddAbility,
    ForeignException
};

/// One credential for reg.io, and one thing wrong.
class FaultySource : public CredentialSource {
public:
    FaultySource(HostServices& host, Fault fault) : _host(host), _fault(fault) {}

    std::vector<Credential> find(Call& call, const CredentialQuery& query) override {
        const int number = ++_calls;
        if (_fault == Fault::SecretInLog) _host.log(LogLevel::Debug, "trying hunter2");
        if (_fault == Fault::SecretInLateError && call.expired()) throw Error(ErrorCode::DeadlineExceeded, "hunter2");
        if (_fault == Fault::SecretInError && !query.secretName.empty())
            throw Error(ErrorCode::CredentialSourceFault, "no such Secret", "it is not hunter2");
        if (_fault == Fault::ForeignException && query.repository.host() != "reg.io") throw 7;
        if (!query.secretName.empty() && _fault != Fault::IgnoresSecretName) return {};
        if (query.repository.host() != "reg.io" && _fault != Fault::AnswersForAll) return {};
        if (_fault == Fault::NothingFound) return {};
        Credential result{Credential::Kind::Basic, "reg.io in a test", "user", Secret("hunter2")};
        if (_fault == Fault::WrongUser) result.username = "other";
        if (_fault == Fault::EmptySecret) result.secret = Secret();
        if (_fault == Fault::NoName) result.name.clear();
        if (_fault == Fault::SecretInName) result.name = "user:hunter2";
        if (_fault == Fault::Unstable) result.secret = Secret("hunter2" + std::to_string(number));
        return {result};
    }
    void* ability(const char*) noexcept override { return _fault == Fault::OddAbility ? this : nullptr; }

private:
    HostServices& _host;
    const Fault _fault;
    std::atomic<int> _calls{0};
};

} // namespace

class CredentialSourceSuiteTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CredentialSourceSuiteTest);
    CPPUNIT_TEST(passesASourceWithoutFault);
    CPPUNIT_TEST(findsEachFault);
    CPPUNIT_TEST_SUITE_END();

public:
    void passesASourceWithoutFault() { CPPUNIT_ASSERT_EQUAL(std::string(), failedBy(Fault::None)); }

    void findsEachFault() {
        const std::vector<std::pair<Fault, std::string>> rows = {
            {Fault::NoInstance, "make: an instance"},
            {Fault::NothingFound, "find: a repository it has a credential for"},
            {Fault::WrongUser, "find: a repository it has a credential for"},
            {Fault::EmptySecret, "find: a repository it has a credential for"},
            {Fault::NoName, "find: a repository it has a credential for"},
            {Fault::AnswersForAll, "find: absence is an empty answer; find: the same on 4 threads"},
            {Fault::IgnoresSecretName, "find: an unknown Secret's name gives no credential"},
            {Fault::SecretInName, "secret: not in name, fingerprint or log"},
            {Fault::SecretInLog, "secret: not in name, fingerprint or log"},
            {Fault::SecretInError, "find: an unknown Secret's name gives no credential"},
            {Fault::SecretInLateError, "find: a passed deadline is an Error or an answer"},
            {Fault::Unstable, "find: the same answer again; find: the same on 4 threads"},
            {Fault::OddAbility, "ability: an unknown id is nullptr"},
            {Fault::ForeignException, "find: absence is an empty answer; find: the same on 4 threads"}};
        for (const auto& [fault, expected] : rows)
            CPPUNIT_ASSERT_EQUAL(expected, failedBy(fault));
    }

private:
    static std::string failedBy(Fault fault) {
        RecordingHost host;
        testing::CredentialSourceOptions options;
        options.present = Repository("reg.io", "team/a");
        options.absent = Repository("other.io", "team/a");
        options.expectedUsername = "user";
        options.threads = 4;
        std::string result;
        for (const auto& finding : testing::checkCredentialSource(
                 [&](HostServices& services) {
                     return fault == Fault::NoInstance ? nullptr : std::make_unique<FaultySource>(services, fault);
                 },
                 host, options)) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(finding.name, finding.passed, finding.detail.empty());
            CPPUNIT_ASSERT_EQUAL_MESSAGE(finding.name, std::string::npos, finding.detail.find("hunter2"));
            if (!finding.passed) result += (result.empty() ? "" : "; ") + finding.name;
        }
        return result;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CredentialSourceSuiteTest);
