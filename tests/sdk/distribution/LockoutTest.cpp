// SPDX-License-Identifier: Apache-2.0
// A wrong password is told from a repository that it may not read, by as few attempts as can be.
#include "BackendFixture.h"

#include <atomic>
#include <thread>

using namespace wasmproxy;
using namespace wasmproxy::test;

class LockoutTest : public BackendFixture {
    CPPUNIT_TEST_SUITE(LockoutTest);
    CPPUNIT_TEST(wrongPasswordIsShownToTheBaseOnly);
    CPPUNIT_TEST(deniedWhereTheBaseAcceptsIt);
    CPPUNIT_TEST(countsAsWrongWhereTheBaseProvesNothing);
    CPPUNIT_TEST(changedPasswordIsFoundAtTheBase);
    CPPUNIT_TEST(insufficientScopeIsDenied);
    CPPUNIT_TEST(manyAtOnceShowItOnce);
    CPPUNIT_TEST(manyAtOnceWithTheRightOneAllGetIn);
    CPPUNIT_TEST(anOpenRepositoryProvesNothing);
    CPPUNIT_TEST(theNextOneTriesAfterAFailure);
    CPPUNIT_TEST_SUITE_END();

    static FakeRegistry::Access basic() {
        auto access = bearer();
        access.kind = FakeRegistry::Access::Kind::Basic;
        return access;
    }
    /// What is answered to whom shows the right password, at manifests.
    void denyManifests() {
        registry.inject("", "/manifests/", [](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
            faults::status(401, "", {{"WWW-Authenticate", R"(Basic realm="fake")"}})({}, reply);
        });
    }
    std::size_t authorizedAt(const std::string& part) const {
        std::size_t count = 0;
        for (const auto& seen : registry.seen())
            count += seen.authorized() && seen.target.find(part) != std::string::npos ? 1 : 0;
        return count;
    }

    void wrongPasswordIsShownToTheBaseOnly() {
        serve(basic());
        expectRefusal(ErrorCode::CredentialRefused, "/v2/ answered 401 to credential 'my-pull-secret'", user("wrong"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), authorized());
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), authorizedAt("/manifests/"));
        requireResolved(); // another one is not held up
    }

    void deniedWhereTheBaseAcceptsIt() {
        serve(basic());
        requireResolved();
        denyManifests();
        expectRefusal(ErrorCode::RepositoryDenied, "401");
        backend = make({}); // and where nothing is known of the password yet
        registry.forgetSeen();
        expectRefusal(ErrorCode::RepositoryDenied, "401");
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), authorized()); // at /v2/ and at the repository
        registry.heal();
        requireResolved();
    }

    void countsAsWrongWhereTheBaseProvesNothing() {
        const std::vector<std::pair<int, std::string>> rows = {
            {200, ""}, {401, R"(Bearer realm="https://reg.example.com/token",service="x")"}, {404, ""}, {503, ""}};
        for (const auto& [status, challenge] : rows) {
            serve(basic());
            backend = make({});
            registry.heal();
            registry.inject("", "/v2/",
                            [&, status = status, challenge = challenge](const FakeRegistry::Seen& seen,
                                                                        FakeRegistry::Reply& reply) {
                                if (seen.target == "/v2/")
                                    faults::status(status, "", {{"WWW-Authenticate", challenge}})(seen, reply);
                            });
            expectRefusal(ErrorCode::CredentialRefused, "401", user("wrong"));
            requireResolved(); // the right one needs no proof
        }
    }

    void changedPasswordIsFoundAtTheBase() {
        auto access = basic();
        serve(access);
        requireResolved();
        access.password = "changed";
        serve(access);
        registry.forgetSeen();
        expectRefusal(ErrorCode::CredentialRefused, "401");
        CPPUNIT_ASSERT_EQUAL(std::size_t(2), authorized());
        requireResolved(user("changed"));
    }

    void insufficientScopeIsDenied() {
        serve(bearer());
        registry.inject("", "/manifests/", [](const FakeRegistry::Seen&, FakeRegistry::Reply& reply) {
            faults::status(401, "",
                           {{"WWW-Authenticate", R"(Bearer realm="https://reg.example.com/token",)"
                                                 R"(service="reg.example.com",error="insufficient_scope")"}})({},
                                                                                                              reply);
        });
        expectRefusal(ErrorCode::RepositoryDenied, "401");
        expectRefusal(ErrorCode::CredentialRefused, "401", user("wrong"));
    }

    /// The codes of resolving 60 repositories with 12 threads.
    std::string together(const Credential& credential) {
        std::atomic<int> next{0};
        std::atomic<int> resolved{0};
        std::atomic<int> refused{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 12; ++i)
            threads.emplace_back([&] {
                for (int number = next++; number < 60; number = next++) {
                    Call call("test", Call::Clock::now() + std::chrono::seconds(20));
                    try {
                        const Repository each("reg.example.com", "team/" + std::to_string(number));
                        resolved += backend->resolve(call, {each, "v1"}, credential) ? 1 : 0;
                    } catch (const Error& error) {
                        refused += error.code() == ErrorCode::CredentialRefused ? 1 : 0;
                    }
                }
            });
        for (auto& thread : threads)
            thread.join();
        return std::to_string(resolved) + " resolved, " + std::to_string(refused) + " refused";
    }
    void pushMany() {
        for (int i = 0; i < 60; ++i)
            registry.push(Origin, "team/" + std::to_string(i), "v1", Manifest);
    }

    void manyAtOnceShowItOnce() {
        for (const auto& access : {basic(), bearer()}) {
            backend = make({});
            serve(access);
            pushMany();
            registry.forgetSeen();
            CPPUNIT_ASSERT_EQUAL(std::string("0 resolved, 60 refused"), together(user("wrong")));
            CPPUNIT_ASSERT_EQUAL(std::size_t(1), authorized());
        }
    }

    void manyAtOnceWithTheRightOneAllGetIn() {
        for (const auto& access : {basic(), bearer()}) {
            backend = make({});
            serve(access);
            pushMany();
            CPPUNIT_ASSERT_EQUAL(std::string("60 resolved, 0 refused"), together(user()));
        }
    }

    void anOpenRepositoryProvesNothing() {
        serve(basic());
        requireResolved(); // so that the challenge is remembered
        registry.push(Origin, "open", "v1", Manifest);
        registry.inject("", "/v2/open/", faults::status(404));
        registry.forgetSeen();
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        CPPUNIT_ASSERT(!backend->resolve(call, {Repository("reg.example.com", "open"), "v1"}, user("wrong")));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), authorized()); // nobody asked for it
        expectRefusal(ErrorCode::CredentialRefused, "401", user("wrong"));
        CPPUNIT_ASSERT_EQUAL(std::size_t(1), authorized());
    }

    void theNextOneTriesAfterAFailure() {
        serve(bearer());
        registry.inject("", "/token", faults::status(503), 1);
        expectRefusal(ErrorCode::UpstreamUnavailable, "503");
        requireResolved();
        // Who waits for another's try waits no longer than its own deadline.
        backend = make({});
        registry.inject("", "/token", faults::silence(), 1);
        std::thread leader([&] {
            Call call("leader", Call::Clock::now() + std::chrono::seconds(2));
            try {
                backend->resolve(call, {repository, "v1"}, user());
            } catch (const Error&) { // its own deadline
            }
        });
        while (registry.count("", "/token") < 3)
            std::this_thread::yield();
        Call call("test", Call::Clock::now() + std::chrono::milliseconds(300));
        const auto start = Call::Clock::now();
        test::expectError("late", ErrorCode::DeadlineExceeded, "another request's try", [&] {
            backend->resolve(call, {Repository("reg.example.com", "c"), "v1"}, user());
        });
        CPPUNIT_ASSERT(Call::Clock::now() - start < std::chrono::milliseconds(1500));
        leader.join();
        requireResolved();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LockoutTest);
