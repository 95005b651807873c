// SPDX-License-Identifier: Apache-2.0
#include "wasmproxy/testing/CacheStoreSuite.h"

#include "plugins/RecordingHost.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <cstring>
#include <map>

using namespace wasmproxy;

namespace {

enum class Fault {
    None,
    NoInstance,
    ThrowsOnAbsence,
    VisibleBeforeCommit,
    KeepsAbandoned,
    RefusesEmpty,
    LosesBytes,
    AllocatesFromHint,
    RefusesSha512,
    RefusesDuplicates,
    AppendsDuplicates,
    WrongSize,
    FailsPastTheEnd,
    RemoveSaysNothing,
    RemoveDoesNothing,
    BlobDiesWithItsName,
    VisitsTwice,
    VisitsWrongSizes,
    SwallowsVisitorsExceptions,
    ForgetsAll,
    OddAbility
};

struct Contents {
    std::mutex mutex;
    std::map<Digest, std::shared_ptr<std::string>> blobs;
};

class FaultyBlob : public Blob {
public:
    FaultyBlob(std::shared_ptr<std::string> bytes, Fault fault) : _bytes(std::move(bytes)), _fault(fault) {}
    std::uint64_t size() const noexcept override { return _bytes->size() + (_fault == Fault::WrongSize ? 1 : 0); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        if (offset >= _bytes->size()) {
            if (_fault == Fault::FailsPastTheEnd && offset > _bytes->size())
                throw Error(ErrorCode::StorageFault, "end");
            return 0;
        }
        const std::size_t got = std::min<std::size_t>(size, _bytes->size() - offset);
        std::memcpy(buffer, _bytes->data() + offset, got);
        return got;
    }

private:
    const std::shared_ptr<std::string> _bytes;
    const Fault _fault;
};

class FaultyIngest : public Ingest {
public:
    FaultyIngest(std::shared_ptr<Contents> contents, Fault fault) : _contents(std::move(contents)), _fault(fault) {}
    ~FaultyIngest() override {
        if (_fault == Fault::KeepsAbandoned && !_committed) add(Digest::of(_bytes));
    }
    void write(const char* bytes, std::size_t size) override {
        _bytes.append(bytes, _fault == Fault::LosesBytes && size < 100 ? size / 2 : size);
        if (_fault == Fault::VisibleBeforeCommit) add(Digest::of(_bytes));
    }
    void commit(const Digest& digest) override {
        if (_fault == Fault::RefusesEmpty && _bytes.empty()) throw Error(ErrorCode::StorageFault, "empty");
        if (_fault == Fault::RefusesSha512 && digest.algorithm() != "sha256")
            throw Error(ErrorCode::StorageFault, "512");
        _committed = true;
        add(digest);
    }

private:
    void add(const Digest& digest) {
        const std::lock_guard<std::mutex> guard(_contents->mutex);
        auto& place = _contents->blobs[digest];
        if (place && _fault == Fault::RefusesDuplicates) throw Error(ErrorCode::StorageFault, "exists");
        if (place && _fault == Fault::AppendsDuplicates)
            place = std::make_shared<std::string>(*place + _bytes);
        else
            place = std::make_shared<std::string>(_bytes);
    }
    const std::shared_ptr<Contents> _contents;
    const Fault _fault;
    std::string _bytes;
    bool _committed = false;
};

/// A store in memory, with one thing wrong.
class FaultyStore : public CacheStore {
public:
    FaultyStore(std::shared_ptr<Contents> contents, Fault fault) : _contents(std::move(contents)), _fault(fault) {}

    std::unique_ptr<Blob> open(Call&, const Digest& digest) override {
        const std::lock_guard<std::mutex> guard(_contents->mutex);
        const auto found = _contents->blobs.find(digest);
        if (found != _contents->blobs.end()) return std::make_unique<FaultyBlob>(found->second, _fault);
        if (_fault == Fault::ThrowsOnAbsence) throw Error(ErrorCode::StorageFault, "absent");
        return nullptr;
    }
    std::unique_ptr<Ingest> ingest(Call&, std::uint64_t expectedSize) override {
        if (_fault == Fault::AllocatesFromHint && expectedSize > (1ull << 40) && expectedSize != ~0ull)
            throw Error(ErrorCode::StorageFault, "no space");
        return std::make_unique<FaultyIngest>(_contents, _fault);
    }
    bool remove(Call&, const Digest& digest) override {
        const std::lock_guard<std::mutex> guard(_contents->mutex);
        if (_fault == Fault::RemoveDoesNothing) return _contents->blobs.count(digest) != 0;
        if (_fault == Fault::BlobDiesWithItsName && _contents->blobs.count(digest)) _contents->blobs[digest]->clear();
        return _contents->blobs.erase(digest) != 0 || _fault == Fault::RemoveSaysNothing;
    }
    void visit(Call&, const std::function<void(const StoredBlob&)>& visitor) override {
        std::vector<StoredBlob> blobs;
        {
            const std::lock_guard<std::mutex> guard(_contents->mutex);
            for (const auto& [digest, bytes] : _contents->blobs)
                blobs.push_back({digest, bytes->size() + (_fault == Fault::VisitsWrongSizes ? 1 : 0)});
        }
        for (const StoredBlob& blob : blobs)
            for (int i = 0; i < (_fault == Fault::VisitsTwice ? 2 : 1); ++i)
                try {
                    visitor(blob);
                } catch (const Error&) {
                    if (_fault != Fault::SwallowsVisitorsExceptions) throw;
                }
    }
    void* ability(const char*) noexcept override { return _fault == Fault::OddAbility ? this : nullptr; }

private:
    const std::shared_ptr<Contents> _contents;
    const Fault _fault;
};

} // namespace

class CacheStoreSuiteTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CacheStoreSuiteTest);
    CPPUNIT_TEST(passesAStoreWithoutFault);
    CPPUNIT_TEST(findsEachFault);
    CPPUNIT_TEST(asksAMemoryStoreForNoSecondInstance);
    CPPUNIT_TEST_SUITE_END();

public:
    void passesAStoreWithoutFault() {
        CPPUNIT_ASSERT_EQUAL(std::string(), failedBy(Fault::None, true));
        CPPUNIT_ASSERT_EQUAL(std::size_t(0), left);
    }

    void findsEachFault() {
        const std::vector<std::pair<Fault, std::string>> rows = {
            {Fault::NoInstance, "make: an instance"},
            {Fault::ThrowsOnAbsence, "open, remove: an absent digest"},
            {Fault::VisibleBeforeCommit, "ingest: invisible before commit"},
            {Fault::KeepsAbandoned, "ingest: destroyed without commit"},
            {Fault::RefusesEmpty, "ingest: an empty blob"},
            {Fault::LosesBytes, "ingest: many small writes"},
            {Fault::AllocatesFromHint, "ingest: the expected size is only a hint"},
            {Fault::RefusesSha512, "ingest: a sha512 digest"},
            {Fault::RefusesDuplicates, "commit: what is there already"},
            {Fault::AppendsDuplicates, "commit: what is there already"},
            {Fault::WrongSize, "ingest: invisible before commit"},
            {Fault::FailsPastTheEnd, "blob: reads at offsets"},
            {Fault::RemoveSaysNothing, "remove: true once, then false"},
            {Fault::RemoveDoesNothing, "remove: true once, then false"},
            {Fault::BlobDiesWithItsName, "blob: readable after it is removed"},
            {Fault::VisitsTwice, "visit: every committed blob once"},
            {Fault::VisitsWrongSizes, "visit: every committed blob once"},
            {Fault::SwallowsVisitorsExceptions, "visit: a visitor's exception"},
            {Fault::ForgetsAll, "make: a second instance"},
            {Fault::OddAbility, "ability: an unknown id"}};
        for (const auto& [fault, expected] : rows) {
            const std::string failed = failedBy(fault, true);
            CPPUNIT_ASSERT_MESSAGE(expected + " is not among: " + failed, failed.find(expected) != std::string::npos);
        }
    }

    void asksAMemoryStoreForNoSecondInstance() {
        CPPUNIT_ASSERT_EQUAL(std::string(), failedBy(Fault::ForgetsAll, false));
    }

private:
    std::string failedBy(Fault fault, bool persistent) {
        RecordingHost host;
        testing::CacheStoreOptions options;
        options.persistent = persistent;
        options.bigBlob = 1 << 20;
        options.threads = 4;
        auto contents = std::make_shared<Contents>();
        const auto make = [&](HostServices&) -> std::unique_ptr<CacheStore> {
            if (fault == Fault::NoInstance) return nullptr;
            if (fault == Fault::ForgetsAll) contents = std::make_shared<Contents>();
            return std::make_unique<FaultyStore>(contents, fault);
        };
        std::string result;
        for (const auto& finding : testing::checkCacheStore(make, host, options)) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(finding.name, finding.passed, finding.detail.empty());
            if (!finding.passed) result += (result.empty() ? "" : "; ") + finding.name;
        }
        left = contents->blobs.size();
        return result;
    }
    std::size_t left = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CacheStoreSuiteTest);
