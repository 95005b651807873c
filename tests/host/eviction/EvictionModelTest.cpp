// SPDX-License-Identifier: Apache-2.0
#include "EvictionModel.h"
#include "SizeStore.h"
#include "eviction/Evictor.h"
#include "pull/HotTable.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <random>
#include <stdlib.h>
#include <unistd.h>

using namespace wasmproxy;
using namespace wasmproxy::host;
using namespace wasmproxy::host::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Random operations on the real Evictor and DigestIndex and on a simple model: the same contents after each sweep, the
/// budget kept, and nothing removed that is pinned, leased or young.
class EvictionModelTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(EvictionModelTest);
    CPPUNIT_TEST(theSameContentsAfterEachSweep);
    CPPUNIT_TEST_SUITE_END();

    static constexpr int Artifacts = 300;
    static constexpr std::uint64_t Capacity = 45000;

    /// One life of the process.
    struct Process {
        Process(const std::string& path, SizeStore& store, const std::atomic<std::int64_t>& now)
            : index({path}), cache({{"main", &store}}) {
            Evictor::Options options;
            options.capacity = Capacity;
            options.every = options.reconcileEvery = std::chrono::hours(1);
            options.grace = seconds(60);
            options.forgetHot = [this](const Digest& digest) { hot.erase(digest); };
            options.now = [&now] { return EvictionModel::Time(milliseconds(now.load())); };
            const auto visits = store.visits();
            evictor = std::make_unique<Evictor>(cache, index, options);
            while (store.visits() == visits)
                std::this_thread::yield();
            evictor->reconcile(); // after the thread's own has ended
        }
        DigestIndex index;
        CacheTiers cache;
        HotTable hot{50};
        std::unique_ptr<Evictor> evictor;
    };
    /// In memory where there is such a place: the index syncs each of some hundred thousand commits.
    struct IndexFolder {
        IndexFolder() {
            std::string pattern = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
            pattern += "/eviction-test-XXXXXX";
            if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
            path = pattern;
        }
        ~IndexFolder() {
            std::error_code ignored;
            std::filesystem::remove_all(path, ignored);
        }
        std::filesystem::path path;
    };
    using Leases = std::vector<std::pair<Digest, std::unique_ptr<Blob>>>;

    std::mt19937_64 _random{20261123};
    IndexFolder _folder;
    std::string _path = (_folder.path / "index.db").string();
    std::atomic<std::int64_t> _now{0};
    Call _call{"test", Call::Clock::now() + std::chrono::minutes(10)};
    std::vector<ModuleRecord> _artifacts;
    std::map<Digest, std::uint64_t> _sizes;
    SizeStore _store;
    EvictionModel _model;
    std::unique_ptr<Process> _process;
    Leases _leases;
    Leases _lingering; // leases of what was purged
    std::size_t _removed = 0, _sweeps = 0, _full = 0, _restarts = 0;

    std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(_random); }
    EvictionModel::Time now() const { return EvictionModel::Time(milliseconds(_now.load())); }
    const ModuleRecord& anyArtifact() { return _artifacts[below(_artifacts.size())]; }
    Digest anyContent() {
        auto each = _model.contents.begin();
        std::advance(each, static_cast<std::ptrdiff_t>(below(_model.contents.size())));
        return each->first;
    }
    static Reference tag(std::size_t number) {
        return Reference::parse("r.example.com/team/m" + std::to_string(number) + ":v1");
    }

    void makeArtifacts() {
        const auto make = [&](const std::string& kind, int number, std::size_t most) {
            const auto digest = Digest::of(kind + std::to_string(number));
            _sizes[digest] = 100 + below(most);
            return digest;
        };
        for (int i = 0; i < Artifacts; ++i) {
            ModuleRecord record;
            record.manifest = record.selectedManifest = make("manifest", i, 500);
            if (i % 5 == 0) record.selectedManifest = make("child", i, 500);
            record.module = make("module", i % 7 == 0 ? i / 2 : i, 5000); // some in two artifacts
            record.layer = i % 3 == 0 ? record.module : make("layer", i, 3000);
            record.size = _sizes.at(record.module);
            _artifacts.push_back(record);
        }
    }

    void keep(const Digest& digest) {
        _store.put(digest, _sizes.at(digest));
        _process->index.recordContent(digest, _sizes.at(digest), now());
        _model.contents[digest] = {_sizes.at(digest), now()};
    }
    void ingest() {
        const auto& record = anyArtifact();
        for (const auto& digest : EvictionModel::parts(record))
            keep(digest);
        _process->index.recordModule(record, Repository("r.example.com", "team/m"));
        _model.records[record.manifest] = record;
    }
    void access() {
        const auto digest = anyContent();
        _process->index.recordAccess({digest, "r", "c", now()});
        _model.contents[digest].lastUsed = now();
        if (auto blob = _process->cache.openTrusted(_call, digest)) _process->hot.insert(digest, std::move(blob));
    }
    void moveTag() {
        const auto reference = tag(below(40));
        const auto key = reference.str();
        if (below(5) == 0) {
            _process->index.forgetTag(reference);
            _model.tags.erase(key);
            return;
        }
        const auto& record = anyArtifact();
        _process->index.recordTag(reference, record.manifest);
        _model.tags[key] = record.manifest;
    }
    void pin() {
        const auto& record = anyArtifact();
        const auto& digest = below(2) == 0 ? record.manifest : record.module;
        if (_model.pins.size() < 8) {
            _process->index.pin(digest);
            _model.pins.insert(digest);
        } else {
            _process->index.unpin(*_model.pins.begin());
            _model.pins.erase(_model.pins.begin());
        }
    }
    void lease() {
        const auto digest = anyContent();
        auto blob = _process->cache.openTrusted(_call, digest);
        CPPUNIT_ASSERT(blob);
        _leases.emplace_back(digest, std::move(blob));
        ++_model.leases[digest];
    }
    void release() {
        auto& from = below(4) == 0 && !_lingering.empty() ? _lingering : _leases;
        if (from.empty()) return;
        const auto which = from.begin() + static_cast<std::ptrdiff_t>(below(from.size()));
        const auto digest = which->first;
        from.erase(which);
        if (&from == &_leases && --_model.leases[digest] == 0) _model.leases.erase(digest);
        if (&from == &_lingering && !holds(_lingering, digest)) _model.lingering -= _sizes.at(digest);
    }
    static bool holds(const Leases& leases, const Digest& digest) {
        return std::any_of(leases.begin(), leases.end(), [&](const auto& each) { return each.first == digest; });
    }
    /// By an operator: it goes whoever has it open, and its bytes count until they let go.
    void purge() {
        const auto digest = anyContent();
        if (holds(_lingering, digest)) return; // of one digest, one generation at a time is enough
        _process->hot.erase(digest);
        CPPUNIT_ASSERT(_process->cache.remove(_call, digest));
        _process->index.forgetContent(digest);
        _model.contents.erase(digest);
        if (_model.leases.erase(digest) == 0) return;
        _model.lingering += _sizes.at(digest);
        for (auto& each : _leases)
            if (each.first == digest) _lingering.push_back(std::move(each));
        _leases.erase(std::remove_if(_leases.begin(), _leases.end(), [](const auto& each) { return !each.second; }),
                      _leases.end());
    }
    void restart() {
        ++_restarts;
        _leases.clear();
        _lingering.clear();
        _model.leases.clear();
        _model.lingering = 0;
        const auto lost = below(4) == 0 ? anyContent() : Digest();
        _process.reset();
        if (!lost.empty()) { // as a crash leaves them: a row without its content, and a content without a row
            _store.remove(_call, lost);
            _model.contents.erase(lost);
            const auto& found = anyArtifact().manifest;
            if (_model.contents.count(found) == 0 && found != lost) {
                _store.put(found, _sizes.at(found));
                _model.contents[found] = {_sizes.at(found), now()};
            }
        }
        _process = std::make_unique<Process>(_path, _store, _now);
    }
    void sweep() {
        ++_sweeps;
        _process->index.accesses(1); // all that was accessed is written
        const auto before = _model;
        const auto pinned = before.kept();
        const auto gone = _model.sweep(now());
        const auto count = _process->evictor->sweep();
        _removed += count;
        CPPUNIT_ASSERT_EQUAL(gone.size(), count);
        const auto stored = _store.contents();
        for (const auto& [digest, content] : before.contents) {
            if (stored.count(digest) != 0) continue;
            CPPUNIT_ASSERT_MESSAGE("pinned, leased or young: " + digest.str(), before.mayGo(digest, pinned, now()));
            CPPUNIT_ASSERT(!_process->hot.find(digest));
        }
        compare(stored);
        if (_model.used() <= Capacity) return;
        ++_full;
        for (const auto& each : _model.contents)
            CPPUNIT_ASSERT(!_model.mayGo(each.first, pinned, now()));
    }
    void compare(const std::map<Digest, std::uint64_t>& stored) {
        const auto indexed = _process->index.contentsByAge();
        CPPUNIT_ASSERT_EQUAL(_model.contents.size(), stored.size());
        CPPUNIT_ASSERT_EQUAL(_model.contents.size(), indexed.size());
        for (const auto& row : indexed) {
            const auto expected = _model.contents.find(row.digest);
            CPPUNIT_ASSERT(expected != _model.contents.end() && stored.count(row.digest) != 0);
            CPPUNIT_ASSERT(row.size == expected->second.size && row.lastUsed == expected->second.lastUsed);
        }
        CPPUNIT_ASSERT_EQUAL(_model.used(), _process->index.contentBytes() + _process->cache.leases().lingeringBytes());
    }

    void theSameContentsAfterEachSweep() {
        const char* wanted = std::getenv("WASMPROXY_EVICTION_OPERATIONS");
        const int operations = wanted ? std::atoi(wanted) : 3000;
        _now = std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
        _model.capacity = Capacity;
        _model.grace = seconds(60);
        makeArtifacts();
        _process = std::make_unique<Process>(_path, _store, _now);
        ingest();
        for (int i = 0; i < operations; ++i) {
            _now += static_cast<std::int64_t>(below(6000));
            const auto dice = below(1000);
            if (dice < 220 || _model.contents.empty())
                ingest();
            else if (dice < 500)
                access();
            else if (dice < 600)
                moveTag();
            else if (dice < 640)
                pin();
            else if (dice < 730)
                lease();
            else if (dice < 830)
                release();
            else if (dice < 845)
                purge();
            else if (dice < 847)
                restart();
            else
                sweep();
        }
        sweep();
        std::cout << operations << " operations, " << _sweeps << " sweeps, " << _removed << " contents evicted, "
                  << _restarts << " restarts, " << _full << " sweeps with more than the capacity kept\n";
        CPPUNIT_ASSERT(_removed > static_cast<std::size_t>(operations) / 10);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EvictionModelTest);
