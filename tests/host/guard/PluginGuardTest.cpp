// SPDX-License-Identifier: Apache-2.0
#include "guard/GuardedBackend.h"
#include "guard/GuardedCacheStore.h"
#include "guard/GuardedCredentialSource.h"

#include "support/ExpectError.h"

#include <cppunit/extensions/HelperMacros.h>

using namespace wasmproxy;
using namespace wasmproxy::host;

namespace {

enum class Misdeed { None, ThrowsError, ThrowsForeign, ThrowsNumber, NoDigest, ReadsTooMuch };

void commit(Misdeed misdeed) {
    if (misdeed == Misdeed::ThrowsError) throw Error(ErrorCode::TooManyRequests, "slow down");
    if (misdeed == Misdeed::ThrowsForeign) throw std::out_of_range("vector");
    if (misdeed == Misdeed::ThrowsNumber) throw 42;
}

class BadReader : public BodyReader {
public:
    explicit BadReader(Misdeed misdeed) : _misdeed(misdeed) {}
    std::size_t read(char*, std::size_t size) override {
        commit(_misdeed);
        return _misdeed == Misdeed::ReadsTooMuch ? size + 1 : 0;
    }

private:
    Misdeed _misdeed;
};

class BadBackend : public RegistryBackend {
public:
    explicit BadBackend(Misdeed inCall, Misdeed inRead = Misdeed::None) : _inCall(inCall), _inRead(inRead) {}
    Capabilities capabilities() const override { return {}; }
    std::optional<Descriptor> resolve(Call&, const Reference&, const Credential&) override {
        commit(_inCall);
        Descriptor descriptor;
        if (_inCall != Misdeed::NoDigest) descriptor.digest = Digest::of("x");
        return descriptor;
    }
    std::unique_ptr<BodyReader> fetch(Call&, const Repository&, const Descriptor&, const Credential&,
                                      std::uint64_t) override {
        commit(_inCall);
        return std::make_unique<BadReader>(_inRead);
    }

private:
    Misdeed _inCall;
    Misdeed _inRead;
};

class BadSource : public CredentialSource {
public:
    std::vector<Credential> find(Call&, const CredentialQuery&) override { throw std::bad_alloc(); }
};

class BadStore : public CacheStore {
public:
    std::unique_ptr<Blob> open(Call&, const Digest&) override { throw 1; }
    std::unique_ptr<Ingest> ingest(Call&, std::uint64_t) override { return nullptr; }
    bool remove(Call&, const Digest&) override { throw Error(ErrorCode::StorageFault, "gone"); }
    void visit(Call&, const std::function<void(const StoredBlob&)>&) override {}
};

class BadSharedStore : public BadStore, public SharedStore {
public:
    void* ability(const char* id) noexcept override {
        return id == std::string(SharedStore::Id) ? static_cast<SharedStore*>(this) : nullptr;
    }
    std::optional<std::string> record(Call&, const std::string& key) override {
        if (key == "none") return std::nullopt;
        return std::string(key == "long" ? MaxRecord + 1 : MaxRecord, 'x');
    }
    void putRecord(Call&, const std::string&, const std::string&, std::chrono::seconds) override {
        throw std::runtime_error("socket");
    }
    void removeRecord(Call&, const std::string&) override { throw 7; }
    bool canLock() const noexcept override { return true; }
    std::unique_ptr<Lock> tryLock(Call&, const std::string& key, std::chrono::milliseconds) override {
        class Odd : public Lock {
            bool renew(Call&, std::chrono::milliseconds) override { throw std::runtime_error("socket"); }
        };
        if (key == "odd") return std::make_unique<Odd>();
        throw Error(ErrorCode::StorageFault, "away");
    }
};

} // namespace

class PluginGuardTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginGuardTest);
    CPPUNIT_TEST(whatIsForeignGetsTheInstancesName);
    CPPUNIT_TEST(brokenPromisesAreFaults);
    CPPUNIT_TEST(readersAreGuardedToo);
    CPPUNIT_TEST(everySeamIsGuarded);
    CPPUNIT_TEST(whatIsSharedIsGuardedToo);
    CPPUNIT_TEST(callsAreCounted);
    CPPUNIT_TEST_SUITE_END();

    Metrics _metrics;
    Call _call{"req", Call::Clock::now() + std::chrono::seconds(10)};
    const Reference _reference = Reference::parse("r.example.com/team/x:v1");

    GuardedBackend guarded(Misdeed inCall, Misdeed inRead = Misdeed::None) {
        return {std::make_unique<BadBackend>(inCall, inRead), PluginGuard("backend.private", _metrics)};
    }
    std::optional<Descriptor> resolve(Misdeed misdeed) {
        return guarded(misdeed).resolve(_call, _reference, Credential::anonymous());
    }

    void whatIsForeignGetsTheInstancesName() {
        test::expectError("foreign", ErrorCode::PluginFault, "backend.private resolve threw: vector",
                          [&] { resolve(Misdeed::ThrowsForeign); });
        test::expectError("number", ErrorCode::PluginFault, "backend.private resolve threw something",
                          [&] { resolve(Misdeed::ThrowsNumber); });
        test::expectError("own", ErrorCode::TooManyRequests, "slow down", [&] { resolve(Misdeed::ThrowsError); });
        CPPUNIT_ASSERT(resolve(Misdeed::None)->digest == Digest::of("x"));
    }

    void brokenPromisesAreFaults() {
        test::expectError("no digest", ErrorCode::PluginFault, "to no digest", [&] { resolve(Misdeed::NoDigest); });
    }

    void readersAreGuardedToo() {
        const auto read = [&](Misdeed misdeed) {
            auto backend = guarded(Misdeed::None, misdeed);
            char buffer[16];
            return backend.fetch(_call, _reference.repository(), {}, Credential::anonymous(), 0)->read(buffer, 16);
        };
        test::expectError("too much", ErrorCode::PluginFault, "more than the buffer",
                          [&] { read(Misdeed::ReadsTooMuch); });
        test::expectError("foreign", ErrorCode::PluginFault, "read threw", [&] { read(Misdeed::ThrowsForeign); });
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), read(Misdeed::None));
    }

    void everySeamIsGuarded() {
        GuardedCredentialSource source(std::make_unique<BadSource>(), PluginGuard("credential.team", _metrics));
        test::expectError("source", ErrorCode::PluginFault, "credential.team find threw", [&] {
            source.find(_call, {_reference.repository(), {}});
        });
        GuardedCacheStore store(std::make_unique<BadStore>(), PluginGuard("cache.main", _metrics));
        test::expectError("open", ErrorCode::PluginFault, "cache.main open threw",
                          [&] { store.open(_call, Digest::of("x")); });
        test::expectError("ingest", ErrorCode::PluginFault, "gave no ingest", [&] { store.ingest(_call, 1); });
        test::expectError("remove", ErrorCode::StorageFault, "gone", [&] { store.remove(_call, Digest::of("x")); });
    }

    void whatIsSharedIsGuardedToo() {
        GuardedCacheStore alone(std::make_unique<BadStore>(), PluginGuard("cache.main", _metrics));
        CPPUNIT_ASSERT(!alone.ability(SharedStore::Id));
        GuardedCacheStore store(std::make_unique<BadSharedStore>(), PluginGuard("cache.shared", _metrics));
        CPPUNIT_ASSERT(!store.ability("another/1"));
        auto* shared = static_cast<SharedStore*>(store.ability(SharedStore::Id));
        CPPUNIT_ASSERT(shared && shared->canLock());
        CPPUNIT_ASSERT(!shared->record(_call, "none"));
        CPPUNIT_ASSERT_EQUAL(SharedStore::MaxRecord, shared->record(_call, "full")->size());
        test::expectError("long", ErrorCode::PluginFault, "cache.shared gave a record of 65537 bytes",
                          [&] { shared->record(_call, "long"); });
        test::expectError("put", ErrorCode::PluginFault, "cache.shared put-record threw: socket",
                          [&] { shared->putRecord(_call, "k", "v", std::chrono::seconds(1)); });
        test::expectError("remove", ErrorCode::PluginFault, "cache.shared remove-record threw something",
                          [&] { shared->removeRecord(_call, "k"); });
        test::expectError("lock", ErrorCode::StorageFault, "away",
                          [&] { shared->tryLock(_call, "k", std::chrono::seconds(1)); });
        const auto odd = shared->tryLock(_call, "odd", std::chrono::seconds(1));
        CPPUNIT_ASSERT(odd);
        test::expectError("renewed", ErrorCode::PluginFault, "socket",
                          [&] { odd->renew(_call, std::chrono::seconds(1)); });
    }

    void callsAreCounted() {
        resolve(Misdeed::None);
        CPPUNIT_ASSERT_THROW(resolve(Misdeed::ThrowsNumber), Error);
        const auto text = _metrics.text();
        const std::string family = "wasm_proxy_plugin_calls_total{component=\"backend.private\",method=\"resolve\",";
        CPPUNIT_ASSERT_MESSAGE(text, text.find(family) != std::string::npos);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PluginGuardTest);
