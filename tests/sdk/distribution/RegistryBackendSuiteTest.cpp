// SPDX-License-Identifier: Apache-2.0
// The seam's conformance suite against DistributionBackend itself, and against backends that are wrong on purpose: a
// suite that passes everything would be worth nothing.
#include "wasmproxy/testing/RegistryBackendSuite.h"
#include "wasmproxy/distribution/DistributionBackend.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>

using namespace wasmproxy;
using namespace wasmproxy::testing;

namespace {

std::unique_ptr<RegistryBackend> makeBackend(HostServices& host) {
    return std::make_unique<DistributionBackend>(host, std::make_unique<DistributionSettings>(),
                                                 std::make_unique<RegistryDialect>());
}

/// Passes everything on but breaks one promise.
class WrongBackend : public RegistryBackend {
public:
    enum class Fault { RefusalIsAbsence, CutIsEnd, OffsetIgnored, CredentialInForeignPlace, EverythingBlocked };

    WrongBackend(HostServices& host, Fault fault) : _host(host), _inner(makeBackend(host)), _fault(fault) {}

    Capabilities capabilities() const override { return {}; }

    std::optional<Descriptor> resolve(Call& call, const Reference& reference, const Credential& credential) override {
        if (_fault == Fault::EverythingBlocked) throw Error(ErrorCode::Blocked, "no");
        if (_fault == Fault::CredentialInForeignPlace && !credential.secret.empty()) {
            HttpRequest request;
            request.url = "https://storage.example.net/?p=" + std::string(credential.secret.reveal());
            try {
                _host.http().send(call, request);
            } catch (const Error&) {
                // it is only there to be seen
            }
        }
        try {
            return _inner->resolve(call, reference, credential);
        } catch (const Error& error) {
            if (_fault == Fault::RefusalIsAbsence && error.code() == ErrorCode::CredentialRefused) return {};
            throw;
        }
    }

    std::unique_ptr<BodyReader> fetch(Call& call, const Repository& repository, const Descriptor& descriptor,
                                      const Credential& credential, std::uint64_t offset) override {
        auto reader =
            _inner->fetch(call, repository, descriptor, credential, _fault == Fault::OffsetIgnored ? 0 : offset);
        if (_fault != Fault::CutIsEnd || !reader) return reader;
        struct Swallowing : BodyReader {
            explicit Swallowing(std::unique_ptr<BodyReader> body) : inner(std::move(body)) {}
            std::size_t read(char* buffer, std::size_t size) override {
                try {
                    return inner->read(buffer, size);
                } catch (const Error&) {
                    return 0;
                }
            }
            std::unique_ptr<BodyReader> inner;
        };
        return std::make_unique<Swallowing>(std::move(reader));
    }

private:
    HostServices& _host;
    std::unique_ptr<RegistryBackend> _inner;
    Fault _fault;
};

std::size_t failed(const std::vector<Finding>& findings, const std::string& part) {
    return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), [&](const Finding& finding) {
        return !finding.passed && finding.name.find(part) != std::string::npos;
    }));
}

std::vector<Finding> checkWrong(WrongBackend::Fault fault) {
    return checkRegistryBackend([fault](HostServices& host) { return std::make_unique<WrongBackend>(host, fault); });
}

} // namespace

class RegistryBackendSuiteTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RegistryBackendSuiteTest);
    CPPUNIT_TEST(distributionBackendPasses);
    CPPUNIT_TEST(otherHostAndRewrittenOriginPass);
    CPPUNIT_TEST(wrongBackendsAreFound);
    CPPUNIT_TEST_SUITE_END();

    static void requireAllPass(const std::vector<Finding>& findings) {
        std::string wrong;
        for (const auto& finding : findings)
            if (!finding.passed) wrong += "\n" + finding.name + ": " + finding.detail;
        CPPUNIT_ASSERT_EQUAL_MESSAGE(wrong, std::string(), wrong);
        CPPUNIT_ASSERT(findings.size() > 60);
    }

    void distributionBackendPasses() { requireAllPass(checkRegistryBackend(makeBackend)); }

    void otherHostAndRewrittenOriginPass() {
        RegistryBackendOptions options;
        options.host = "harbor.internal:8443";
        options.origin = "https://mirror.example.org:5000";
        requireAllPass(checkRegistryBackend(
            [](HostServices& host) {
                auto settings = std::make_unique<DistributionSettings>();
                std::vector<SettingsProblem> problems;
                settings->apply({{"endpoint", "mirror.example.org:5000", "test:1"}}, "", problems);
                CPPUNIT_ASSERT(problems.empty());
                return std::make_unique<DistributionBackend>(host, std::move(settings),
                                                             std::make_unique<RegistryDialect>());
            },
            options));
    }

    void wrongBackendsAreFound() {
        using Fault = WrongBackend::Fault;
        CPPUNIT_ASSERT(failed(checkWrong(Fault::RefusalIsAbsence), "a wrong password is CredentialRefused") == 2);
        CPPUNIT_ASSERT(failed(checkWrong(Fault::CutIsEnd), "a cut body never ends cleanly") == 1);
        CPPUNIT_ASSERT(failed(checkWrong(Fault::OffsetIgnored), "from an offset on") == 2);
        CPPUNIT_ASSERT(failed(checkWrong(Fault::CredentialInForeignPlace), "leaks: ") > 20);
        CPPUNIT_ASSERT(failed(checkWrong(Fault::EverythingBlocked), "resolve: a tag") == 1);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RegistryBackendSuiteTest);
