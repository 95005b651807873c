// SPDX-License-Identifier: Apache-2.0
// Cache stores in memory: one of this process alone, and one that several hosts of a test share.
#pragma once

#include "wasmproxy/plugin/CacheStore.h"
#include "wasmproxy/plugin/SharedStore.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::host::test {

/// Contents as a test sees and spoils them.
class MemoryStore : public CacheStore {
public:
    using Bytes = std::shared_ptr<const std::string>;

    std::unique_ptr<wasmproxy::Blob> open(Call&, const Digest& digest) override {
        enter("open");
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto found = _contents.find(digest);
        if (found == _contents.end()) return nullptr;
        return std::make_unique<Content>(*this, found->second);
    }
    std::unique_ptr<wasmproxy::Ingest> ingest(Call&, std::uint64_t) override {
        enter("ingest");
        enterWrite("ingest");
        return std::make_unique<Write>(*this);
    }
    bool remove(Call&, const Digest& digest) override {
        enter("remove");
        const std::lock_guard<std::mutex> lock(_mutex);
        return _contents.erase(digest) != 0;
    }
    void visit(Call&, const std::function<void(const StoredBlob&)>& visitor) override {
        enter("visit");
        for (const auto& [digest, bytes] : contents())
            visitor({digest, bytes->size()});
    }

    void fail(bool now) { _failing = now; }
    void failReads(bool now) { _readsFail = now; }
    void failWrites(bool now) { _writesFail = now; }
    void limit(std::size_t bytes) { _limit = bytes; } ///< beyond it there is no space left
    Digest put(const std::string& bytes) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _contents[Digest::of(bytes)] = std::make_shared<std::string>(bytes);
        return Digest::of(bytes);
    }
    void spoil(const Digest& digest, const std::string& bytes) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _contents[digest] = std::make_shared<std::string>(bytes);
    }
    std::size_t bytes() const {
        std::size_t sum = 0;
        for (const auto& [digest, bytes] : contents())
            sum += bytes->size();
        return sum;
    }
    bool has(const Digest& digest) const { return contents().count(digest) != 0; }
    std::map<Digest, Bytes> contents() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _contents;
    }
    void clear() {
        const std::lock_guard<std::mutex> lock(_mutex);
        _contents.clear();
    }

protected:
    void enter(const char* what) {
        if (_failing) throw Error(ErrorCode::StorageFault, std::string("no ") + what + " today");
    }

private:
    void enterWrite(const char* what) {
        if (_writesFail) throw Error(ErrorCode::StorageFault, std::string("no ") + what + " today");
    }

    class Content : public wasmproxy::Blob {
    public:
        Content(MemoryStore& store, Bytes bytes) : _store(store), _bytes(std::move(bytes)) {}
        std::uint64_t size() const noexcept override { return _bytes->size(); }
        std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
            if (_store._readsFail) throw Error(ErrorCode::StorageFault, "connection lost");
            if (offset >= _bytes->size()) return 0;
            const auto count = std::min<std::size_t>(size, _bytes->size() - offset);
            std::memcpy(buffer, _bytes->data() + offset, count);
            return count;
        }

    private:
        MemoryStore& _store;
        const Bytes _bytes;
    };
    class Write : public wasmproxy::Ingest {
    public:
        explicit Write(MemoryStore& store) : _store(store) {}
        void write(const char* bytes, std::size_t size) override {
            _store.enter("write");
            _store.enterWrite("write");
            _bytes.append(bytes, size);
        }
        void commit(const Digest& digest) override {
            _store.enter("commit");
            _store.enterWrite("commit");
            if (_store.bytes() + _bytes.size() > _store._limit)
                throw Error(ErrorCode::StorageFault, "cannot write: No space left on device");
            _store.spoil(digest, _bytes);
        }

    private:
        MemoryStore& _store;
        std::string _bytes;
    };

    mutable std::mutex _mutex;
    std::map<Digest, Bytes> _contents;
    std::atomic<bool> _failing{false};
    std::atomic<bool> _readsFail{false};
    std::atomic<bool> _writesFail{false};
    std::atomic<std::size_t> _limit{~std::size_t(0)};
};

/// What Redis is to several hosts: contents, records and locks.
class FakeSharedStore : public MemoryStore, public SharedStore {
public:
    explicit FakeSharedStore(bool locks = true) : _locks(locks) {}

    void* ability(const char* id) noexcept override {
        return id == std::string(SharedStore::Id) ? static_cast<SharedStore*>(this) : nullptr;
    }
    std::optional<std::string> record(Call&, const std::string& key) override {
        enter("record");
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto found = _records.find(key);
        return found == _records.end() ? std::nullopt : std::optional<std::string>(found->second);
    }
    void putRecord(Call&, const std::string& key, const std::string& value, std::chrono::seconds) override {
        enter("putRecord");
        setRecord(key, value);
    }
    void removeRecord(Call&, const std::string& key) override {
        enter("removeRecord");
        const std::lock_guard<std::mutex> lock(_mutex);
        _records.erase(key);
    }
    bool canLock() const noexcept override { return _locks; }
    std::unique_ptr<Lock> tryLock(Call&, const std::string& key, std::chrono::milliseconds lifetime) override {
        enter("tryLock");
        const std::lock_guard<std::mutex> lock(_mutex);
        const auto now = Call::Clock::now();
        auto& claim = _claims[key];
        if (claim.number != 0 && claim.until > now) return nullptr;
        claim = {++_number, now + lifetime};
        return std::make_unique<Claim>(*this, key, claim.number);
    }

    void setRecord(const std::string& key, const std::string& value) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _records[key] = value;
    }
    std::map<std::string, std::string> records() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _records;
    }
    std::size_t claims() const { ///< that hold now
        const std::lock_guard<std::mutex> lock(_mutex);
        return static_cast<std::size_t>(
            std::count_if(_claims.begin(), _claims.end(), [](const auto& each) { return each.second.number != 0; }));
    }

private:
    struct Held {
        std::uint64_t number = 0; ///< 0: free
        Call::Clock::time_point until{};
    };
    class Claim : public Lock {
    public:
        Claim(FakeSharedStore& store, std::string key, std::uint64_t number)
            : _store(store), _key(std::move(key)), _number(number) {}
        ~Claim() override {
            const std::lock_guard<std::mutex> lock(_store._mutex);
            auto& claim = _store._claims[_key];
            if (claim.number == _number) claim.number = 0;
        }
        bool renew(Call&, std::chrono::milliseconds lifetime) override {
            _store.enter("renew");
            const std::lock_guard<std::mutex> lock(_store._mutex);
            auto& claim = _store._claims[_key];
            if (claim.number != _number) return false;
            claim.until = Call::Clock::now() + lifetime;
            return true;
        }

    private:
        FakeSharedStore& _store;
        const std::string _key;
        const std::uint64_t _number;
    };

    const bool _locks;
    mutable std::mutex _mutex;
    std::map<std::string, std::string> _records;
    std::map<std::string, Held> _claims;
    std::uint64_t _number = 0;
};

} // namespace wasmproxy::host::test
