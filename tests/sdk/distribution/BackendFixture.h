// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wasmproxy/distribution/DistributionBackend.h"
#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/TestServices.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>

namespace wasmproxy::test {

using testing::FakeRegistry;
namespace faults = wasmproxy::testing::faults;

inline const std::string Origin = "https://reg.example.com";
inline const std::string Manifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
    R"("config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
    R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]})";
inline const std::string BlobBytes(100000, 'b');

/// A token service that knows one user.
inline FakeRegistry::Access bearer() {
    FakeRegistry::Access access;
    access.kind = FakeRegistry::Access::Kind::Bearer;
    access.user = "user";
    access.password = "canary-4711";
    return access;
}

/// A DistributionBackend before a FakeRegistry with one artifact, and the questions its tests ask of both.
class BackendFixture : public CppUnit::TestFixture {
protected:
    FakeRegistry registry;
    testing::TestServices host{registry};
    std::unique_ptr<DistributionBackend> backend = make({});
    const Repository repository{"reg.example.com", "a/b"};

    std::unique_ptr<DistributionBackend> make(const std::vector<KeyValue>& values,
                                              std::unique_ptr<RegistryDialect> dialect = {}) {
        auto settings = std::make_unique<DistributionSettings>();
        std::vector<SettingsProblem> problems;
        settings->apply(values, "", problems);
        CPPUNIT_ASSERT(problems.empty());
        if (!dialect) dialect = std::make_unique<RegistryDialect>();
        return std::make_unique<DistributionBackend>(host, std::move(settings), std::move(dialect));
    }

    void serve(FakeRegistry::Access access = {}, const std::string& origin = Origin) {
        registry.serve(origin, std::move(access));
        registry.push(origin, "a/b", "v1", Manifest);
        registry.pushBlob(origin, "a/b", BlobBytes);
    }

    static Credential user(const std::string& password = "canary-4711") {
        return {Credential::Kind::Basic, "my-pull-secret", "user", Secret(password)};
    }

    std::optional<Descriptor> resolve(const Credential& credential = user(), const std::string& tag = "v1") {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        return backend->resolve(call, {repository, tag}, credential);
    }
    void requireResolved(const Credential& credential = user()) {
        const auto found = resolve(credential);
        CPPUNIT_ASSERT(found);
        CPPUNIT_ASSERT_EQUAL(Digest::of(Manifest).str(), found->digest.str());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t(Manifest.size()), found->size);
        CPPUNIT_ASSERT_EQUAL(std::string(media::OciManifest), found->mediaType);
    }
    Descriptor blob() const {
        Descriptor descriptor;
        descriptor.digest = Digest::of(BlobBytes);
        descriptor.size = BlobBytes.size();
        return descriptor;
    }
    std::string fetch(const Descriptor& descriptor, const Credential& credential = user(), std::uint64_t offset = 0) {
        Call call("test", Call::Clock::now() + std::chrono::seconds(20));
        const auto reader = backend->fetch(call, repository, descriptor, credential, offset);
        CPPUNIT_ASSERT(reader);
        return readAll(*reader);
    }
    static std::string readAll(BodyReader& reader) {
        std::string bytes;
        std::array<char, 5000> buffer;
        while (const auto size = reader.read(buffer.data(), buffer.size()))
            bytes.append(buffer.data(), size);
        return bytes;
    }
    std::size_t tokens() const { return registry.count("", "/token"); }
    std::size_t authorized() const {
        std::size_t count = 0;
        for (const auto& seen : registry.seen())
            count += seen.authorized() ? 1 : 0;
        return count;
    }
    void expectRefusal(ErrorCode code, const std::string& words, const Credential& credential = user()) {
        test::expectError(words, code, words, [&] { resolve(credential); });
    }
};

} // namespace wasmproxy::test
