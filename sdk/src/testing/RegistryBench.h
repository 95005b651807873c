// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/RegistryBackendSuite.h"
#include "wasmproxy/testing/TestServices.h"

#include "Checklist.h"

#include <mutex>

namespace wasmproxy::testing {

/// What one check works with: a registry with one artifact, the backend under test, and a credential that must not
/// turn up where it does not belong.
class RegistryBench {
public:
    static constexpr const char* User = "canary-user";
    static constexpr const char* Password = "canary-password-4711";

    RegistryBench(const MakeRegistryBackend& make, const RegistryBackendOptions& options,
                  FakeRegistry::Access access = {});

    Reference tag(const std::string& name = "v1") const { return {repository, name}; }
    Descriptor manifestDescriptor() const;
    Descriptor blobDescriptor() const;
    static Credential credential(const std::string& password = Password);
    static FakeRegistry::Access basic();
    static FakeRegistry::Access bearer();

    std::optional<Descriptor> resolve(const Reference& reference, const Credential& credential);
    /// All bytes; nullopt: unknown.
    std::optional<std::string> fetch(const Descriptor& descriptor, const Credential& credential,
                                     std::uint64_t offset = 0);
    /// resolve() must throw an Error of that code.
    Error requireRefusal(ErrorCode code, const Credential& credential);
    /// No request elsewhere than to `allowed` carried the credential or a token, and no message shows the password.
    void requireNoLeak(std::set<std::string> allowed) const;
    /// Requests that carried an `Authorization` header.
    std::size_t authorizedRequests() const;

    const RegistryBackendOptions& options;
    FakeRegistry registry;
    TestServices host;
    Repository repository;
    std::string manifest;
    std::string blob;
    std::unique_ptr<RegistryBackend> backend;

private:
    Call call() const { return {"check", Call::Clock::now() + options.deadline}; }
    std::mutex _mutex;                  // some checks ask from many threads
    std::vector<std::string> _messages; ///< of Errors seen by requireRefusal
};

} // namespace wasmproxy::testing
