// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/CredentialSourceSuite.h"

#include "plugins/RecordingHost.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <thread>

using namespace wasmproxy;
using namespace std::chrono_literals;

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
    ForeignException,
    NeverLooksAgain,
    FailsUnderLoad,
    EmptyWhenDamaged,
    ForeignWhenDamaged,
    SecretWhenDamaged,
    WaitsForEver,
    EmptyWhenLate,
    KeepsWhatIsRevoked
};

/// Where the credential is kept.
class Place {
public:
    struct State {
        std::string secret; ///< empty: there is none
        bool damaged = false;
        std::chrono::milliseconds delay{0};
    };
    State state() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _state;
    }
    template <class Change>
    void change(Change change) {
        const std::lock_guard<std::mutex> lock(_mutex);
        change(_state);
    }

private:
    mutable std::mutex _mutex;
    State _state{"hunter2"};
};

/// One credential for reg.io, and one thing wrong.
class FaultySource : public CredentialSource {
public:
    FaultySource(HostServices& host, Fault fault, const Place& place) : _host(host), _fault(fault), _place(place) {}

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
        auto place = _fault == Fault::NeverLooksAgain ? Place::State{"hunter2"} : _place.state();
        if (place.delay.count() > 0) wait(call, place.delay);
        if (_fault == Fault::EmptyWhenLate && call.expired()) return {};
        if (place.damaged && _fault == Fault::EmptyWhenDamaged) return {};
        if (place.damaged && _fault == Fault::ForeignWhenDamaged) throw 7;
        if (place.damaged)
            throw Error(ErrorCode::CredentialSourceFault,
                        "damaged" + (_fault == Fault::SecretWhenDamaged ? ": " + place.secret : ""));
        if (_fault == Fault::FailsUnderLoad && place.secret != "hunter2") oneAtATime();
        if (place.secret.empty() && _fault == Fault::KeepsWhatIsRevoked) place.secret = "hunter2";
        if (place.secret.empty()) return {};
        Credential result{Credential::Kind::Basic, "reg.io in a test", "user", Secret(place.secret)};
        if (_fault == Fault::WrongUser) result.username = "other";
        if (_fault == Fault::EmptySecret) result.secret = Secret();
        if (_fault == Fault::NoName) result.name.clear();
        if (_fault == Fault::SecretInName) result.name = "user:hunter2";
        if (_fault == Fault::Unstable) result.secret = Secret("hunter2" + std::to_string(number));
        return {result};
    }
    void* ability(const char*) noexcept override { return _fault == Fault::OddAbility ? this : nullptr; }

private:
    void oneAtATime() {
        const bool alone = ++_inside == 1;
        std::this_thread::sleep_for(1ms);
        --_inside;
        if (!alone) throw Error(ErrorCode::CredentialSourceFault, "not now");
    }
    void wait(const Call& call, std::chrono::milliseconds delay) const {
        const auto answer = Call::Clock::now() + delay;
        if (_fault == Fault::WaitsForEver) return std::this_thread::sleep_for(std::min(delay, 1500ms));
        std::this_thread::sleep_until(std::min(answer, call.deadline()));
        if (answer > call.deadline() && _fault != Fault::EmptyWhenLate)
            throw Error(ErrorCode::DeadlineExceeded, "too late");
    }

    HostServices& _host;
    const Fault _fault;
    const Place& _place;
    std::atomic<int> _calls{0};
    std::atomic<int> _inside{0};
};

} // namespace

class CredentialSourceSuiteTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CredentialSourceSuiteTest);
    CPPUNIT_TEST(passesASourceWithoutFault);
    CPPUNIT_TEST(findsEachFault);
    CPPUNIT_TEST(findsEachFaultInChanges);
    CPPUNIT_TEST_SUITE_END();

public:
    void passesASourceWithoutFault() { CPPUNIT_ASSERT_EQUAL(std::string(), failedBy(Fault::None, false)); }

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
            CPPUNIT_ASSERT_EQUAL(expected, failedBy(fault, false));
    }

    void findsEachFaultInChanges() {
        const std::vector<std::pair<Fault, std::string>> rows = {
            {Fault::None, ""},
            {Fault::NeverLooksAgain,
             "change: rotated under load; change: damaged; change: slow; change: hanging; change: revoked"},
            {Fault::FailsUnderLoad, "change: rotated under load"},
            {Fault::EmptyWhenDamaged, "change: damaged"},
            {Fault::ForeignWhenDamaged, "change: damaged"},
            {Fault::SecretWhenDamaged, "change: damaged"},
            {Fault::WaitsForEver, "change: hanging"},
            {Fault::EmptyWhenLate, "change: hanging"},
            {Fault::KeepsWhatIsRevoked, "change: revoked"}};
        std::vector<std::future<std::string>> failed; // they wait more than they work
        for (const auto& row : rows)
            failed.push_back(std::async(std::launch::async, [fault = row.first] { return failedBy(fault, true); }));
        for (std::size_t i = 0; i < rows.size(); ++i)
            CPPUNIT_ASSERT_EQUAL(rows[i].second, failed[i].get());
    }

private:
    static void change(testing::CredentialSourceOptions& options, Place& place) {
        options.rotate = [&place](const std::string& secret) { place.change([&](auto& state) { state = {secret}; }); };
        options.damage = [&place] { place.change([](auto& state) { state.damaged = true; }); };
        options.revoke = [&place] { place.change([](auto& state) { state.secret.clear(); }); };
        options.slow = [&place](auto time) { place.change([&](auto& state) { state.delay = time; }); };
        options.seenWithin = 200ms;
        options.grace = 700ms;
    }
    static std::string failedBy(Fault fault, bool changes) {
        RecordingHost host;
        testing::CredentialSourceOptions options;
        options.present = Repository("reg.io", "team/a");
        options.absent = Repository("other.io", "team/a");
        options.expectedUsername = "user";
        options.threads = 4;
        Place place;
        if (changes) change(options, place);
        std::string result;
        for (const auto& finding : testing::checkCredentialSource(
                 [&](HostServices& services) {
                     return fault == Fault::NoInstance ? nullptr
                                                       : std::make_unique<FaultySource>(services, fault, place);
                 },
                 host, options)) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(finding.name, finding.passed, finding.detail.empty());
            for (const char* secret : {"hunter2", "wasm-proxy-conformance-rotated"})
                CPPUNIT_ASSERT_EQUAL_MESSAGE(finding.name, std::string::npos, finding.detail.find(secret));
            if (!finding.passed) result += (result.empty() ? "" : "; ") + finding.name;
        }
        return result;
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CredentialSourceSuiteTest);
