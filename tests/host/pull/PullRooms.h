// SPDX-License-Identifier: Apache-2.0
// All that takes part in a pull, over a registry in memory and a real disk cache and index.
#pragma once

#include "pull/PullService.h"

#include "DiskStore.h"
#include "MemoryStores.h"
#include "pull/HttpSource.h"
#include "wasmproxy/distribution/DistributionBackend.h"
#include "wasmproxy/testing/FakeRegistry.h"
#include "wasmproxy/testing/TestServices.h"

#include <cppunit/extensions/HelperMacros.h>

#include <future>
#include <mutex>

namespace wasmproxy::host::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline const std::string Registry = "https://r.example.com";

inline std::string moduleBytes(const std::string& unique, char version = 1) {
    // A core module that is nothing but one custom section.
    const std::string payload = std::string(1, char(4)) + "note" + unique;
    return std::string("\0asm", 4) + version + std::string("\0\0\0", 3) + std::string(1, '\0') +
           std::string(1, char(payload.size())) + payload;
}

/// The registry of these tests wants robot's password.
inline void servePrivate(testing::FakeRegistry& registry, const std::string& password = "right") {
    testing::FakeRegistry::Access access;
    access.kind = testing::FakeRegistry::Access::Kind::Basic;
    access.user = "robot";
    access.password = password;
    registry.serve(Registry, access);
}

/// An artifact of one layer; returns its manifest's digest. Without its blob it cannot be pulled.
inline Digest pushModule(testing::FakeRegistry& registry, const std::string& path, const std::string& tag,
                         const std::string& module, bool withBlob = true) {
    const auto config = registry.pushBlob(Registry, path, "{}");
    const auto layer = withBlob ? registry.pushBlob(Registry, path, module) : Digest::of(module);
    const auto describe = [](const char* type, const Digest& digest, std::size_t size) {
        return std::string("{\"mediaType\":\"") + type + "\",\"digest\":\"" + digest.str() +
               "\",\"size\":" + std::to_string(size) + "}";
    };
    return registry.push(Registry, path, tag,
                         std::string("{\"schemaVersion\":2,\"mediaType\":\"") + media::OciManifest +
                             "\",\"config\":" + describe("application/vnd.wasm.config.v0+json", config, 2) +
                             ",\"layers\":[" + describe(media::Wasm, layer, module.size()) + "]}");
}

/// A credential source whose answers a test changes: of one entry, and of Secrets by name.
class ChangingSource : public CredentialSource {
public:
    std::vector<Credential> find(Call&, const CredentialQuery& query) override {
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto secret = _secrets.find(query.secretName);
        if (!query.secretName.empty() && secret == _secrets.end()) return {};
        const auto& password = query.secretName.empty() ? _password : secret->second;
        if (password.empty()) return {};
        const auto name = query.secretName.empty() ? "entry" : query.secretName;
        return {{Credential::Kind::Basic, name, "robot", Secret(password)}};
    }
    void set(const std::string& password) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _password = password;
    }
    void setSecret(const std::string& name, const std::string& password) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _secrets[name] = password;
    }

private:
    std::mutex _mutex;
    std::string _password = "right";
    std::map<std::string, std::string> _secrets;
};

inline PullOptions quickOptions() {
    PullOptions options;
    options.hold = seconds(4);
    options.secondLook = milliseconds(300);
    options.staleAfter = milliseconds(500);
    options.remember = seconds(3);
    options.credentialPoll = milliseconds(50);
    options.workers = 6;
    return options;
}

/// All rooms that take part in a pull, over a registry in memory and a real disk cache and index.
struct Rooms {
    Rooms(testing::FakeRegistry& registry, const std::string& folder, ChangingSource& source, milliseconds tagTtl,
          const PullOptions& options = quickOptions(), const PullLimits& limits = {}, FakeSharedStore* shared = nullptr)
        : services(registry),
          backend(services, std::make_unique<DistributionSettings>(), std::make_unique<RegistryDialect>()),
          store(services, diskSettings(folder)),
          index({folder + "/index.db"}),
          cache(tiers(store, shared),
                [this](const Digest& digest, std::uint64_t size) { index.recordContent(digest, size); }),
          routes(routesTo(backend, tagTtl)),
          keychain({{"team", &source}}),
          setup(new PullSetup{
              1,
              PullTargets(routes, extensions,
                          [this, tagTtl](const Repository& repository) {
                              Route route{"extensions", Pattern(repository.host() + "/**"), "oci", &backend, {"team"}};
                              route.tagTtl = tagTtl;
                              return std::make_shared<const Route>(std::move(route));
                          }),
              ModulePuller(cache, index, keychain, memory, limits),
              HttpSource(cache, index, limits,
                         [&registry](const std::string&) {
                             return std::shared_ptr<HttpTransport>(std::shared_ptr<void>(), &registry);
                         })}),
          pulls(index, cache, metrics, options) {
        pulls.use(setup);
    }

    static std::unique_ptr<disk::DiskSettings> diskSettings(const std::string& folder) {
        auto settings = std::make_unique<disk::DiskSettings>();
        std::vector<SettingsProblem> problems;
        settings->apply({{"directory", folder + "/blobs", "test"}}, "cache.main.", problems);
        CPPUNIT_ASSERT(problems.empty());
        return settings;
    }
    static std::vector<CacheTiers::Tier> tiers(CacheStore& main, FakeSharedStore* shared) {
        std::vector<CacheTiers::Tier> tiers{{"main", &main}};
        if (shared) tiers.push_back({"shared", shared, shared});
        return tiers;
    }
    static std::vector<Route> routesTo(RegistryBackend& backend, milliseconds tagTtl) {
        Route route{"private", Pattern("r.example.com/team/**"), "oci", &backend, {"team"}};
        route.tagTtl = tagTtl;
        return {route};
    }

    testing::TestServices services;
    DistributionBackend backend;
    disk::DiskStore store;
    Metrics metrics;
    DigestIndex index;
    CacheTiers cache;
    RouteTable routes;
    Keychain keychain;
    CredentialMemory memory;
    ExtensionCatalog extensions;
    std::shared_ptr<PullSetup> setup;
    PullService pulls;
};

struct Answer {
    ModuleResult result;
    milliseconds after;
    const ServedModule& module() const {
        if (const auto* error = std::get_if<Error>(&result)) CPPUNIT_FAIL(std::string("an error: ") + error->what());
        return std::get<ServedModule>(result);
    }
    ErrorCode code() const {
        CPPUNIT_ASSERT_MESSAGE("a module where an error was expected", std::holds_alternative<Error>(result));
        return std::get<Error>(result).code();
    }
};

inline std::future<Answer> ask(PullService& pulls, const std::string& reference) {
    auto promise = std::make_shared<std::promise<Answer>>();
    const auto begun = std::chrono::steady_clock::now();
    pulls.byReference(Reference::parse(reference), {}, {"req", "10.0.0.1"}, [promise, begun](ModuleResult result) {
        promise->set_value(
            {std::move(result), std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun)});
    });
    return promise->get_future();
}

inline Answer wait(std::future<Answer> future) {
    CPPUNIT_ASSERT_MESSAGE("no answer at all", future.wait_for(seconds(30)) == std::future_status::ready);
    return future.get();
}

inline std::string contentOf(const ServedModule& module) {
    std::string bytes(module.content->size(), '\0');
    CPPUNIT_ASSERT_EQUAL(bytes.size(), module.content->read(0, bytes.data(), bytes.size()));
    return bytes;
}

} // namespace wasmproxy::host::test
