// SPDX-License-Identifier: Apache-2.0
#include "RegistryBench.h"

#include "FakeEncoding.h"

#include <array>

namespace wasmproxy::testing {

namespace {

std::string sampleBlob() {
    std::string bytes("\0asm\1\0\0\0", 8);
    for (int i = 0; bytes.size() < 50000; ++i)
        bytes += std::to_string(i) + ";";
    return bytes;
}

std::string sampleManifest(const std::string& blob) {
    return R"({"schemaVersion":2,"mediaType":")" + std::string(media::OciManifest) +
           R"(","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:)"
           R"(44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},)"
           R"("layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" +
           Digest::of(blob).str() + R"(","size":)" + std::to_string(blob.size()) + "}]}";
}

} // namespace

RegistryBench::RegistryBench(const MakeRegistryBackend& make, const RegistryBackendOptions& given,
                             FakeRegistry::Access access)
    : options(given), host(registry), repository(given.host, given.path), blob(sampleBlob()) {
    manifest = sampleManifest(blob);
    registry.serve(options.origin, std::move(access));
    registry.push(options.origin, options.path, "v1", manifest);
    registry.pushBlob(options.origin, options.path, blob);
    backend = make(host);
    Checklist::require(backend != nullptr, "an instance");
}

Descriptor RegistryBench::manifestDescriptor() const {
    Descriptor descriptor;
    descriptor.mediaType = media::OciManifest;
    descriptor.digest = Digest::of(manifest);
    descriptor.size = manifest.size();
    return descriptor;
}

Descriptor RegistryBench::blobDescriptor() const {
    Descriptor descriptor;
    descriptor.mediaType = "application/vnd.oci.image.layer.v1.tar";
    descriptor.digest = Digest::of(blob);
    descriptor.size = blob.size();
    return descriptor;
}

Credential RegistryBench::credential(const std::string& password) {
    return {Credential::Kind::Basic, "the suite's credential", User, Secret(password)};
}

FakeRegistry::Access RegistryBench::basic() {
    FakeRegistry::Access access;
    access.kind = FakeRegistry::Access::Kind::Basic;
    access.user = User;
    access.password = Password;
    return access;
}

FakeRegistry::Access RegistryBench::bearer() {
    FakeRegistry::Access access = basic();
    access.kind = FakeRegistry::Access::Kind::Bearer;
    return access;
}

std::optional<Descriptor> RegistryBench::resolve(const Reference& reference, const Credential& shown) {
    Call work = call();
    return backend->resolve(work, reference, shown);
}

std::optional<std::string> RegistryBench::fetch(const Descriptor& descriptor, const Credential& shown,
                                                std::uint64_t offset) {
    Call work = call();
    const auto reader = backend->fetch(work, repository, descriptor, shown, offset);
    if (!reader) return {};
    std::string bytes;
    std::array<char, 8192> buffer;
    while (const auto size = reader->read(buffer.data(), buffer.size())) {
        bytes.append(buffer.data(), size);
        Checklist::require(bytes.size() <= blob.size() + manifest.size(), "a body that ends");
    }
    return bytes;
}

Error RegistryBench::requireRefusal(ErrorCode code, const Credential& shown) {
    try {
        const auto found = resolve(tag(), shown);
        throw Checklist::Broken(std::string("expected: Error{") + traitsOf(code).name + "}, it " +
                                (found ? "answered with " + found->digest.str() : "said that the tag is absent"));
    } catch (const Error& error) {
        {
            const std::lock_guard<std::mutex> lock(_mutex);
            _messages.push_back(std::string(error.what()) + " " + error.hint());
        }
        Checklist::require(error.code() == code, std::string("Error{") + traitsOf(code).name + "}, it threw Error{" +
                                                     traitsOf(error.code()).name + "}: " + error.what());
        return error;
    }
}

void RegistryBench::requireNoLeak(std::set<std::string> allowed) const {
    std::string leaks;
    for (const auto& leak : registry.leaks({Password, "fake-token-"}, allowed))
        leaks += (leaks.empty() ? "" : ", ") + leak;
    Checklist::require(leaks.empty(), "no credential elsewhere; seen: " + leaks);
    for (const auto& message : _messages)
        Checklist::require(!holds(message, Password) && !holds(message, "fake-token-"), "no secret in an Error's text");
    for (const auto& line : host.lines())
        Checklist::require(!holds(line.text, Password) && !holds(line.text, "fake-token-"), "no secret in the log");
}

std::size_t RegistryBench::authorizedRequests() const {
    std::size_t count = 0;
    for (const auto& request : registry.seen())
        count += request.authorized() ? 1 : 0;
    return count;
}

} // namespace wasmproxy::testing
