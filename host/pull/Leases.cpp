// SPDX-License-Identifier: Apache-2.0
#include "pull/Leases.h"

#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace wasmproxy::host {

struct Leases::State {
    struct Entry {
        Digest digest;
        std::size_t readers = 0;
        std::uint64_t bytes = 0;
        bool removed = false;
    };
    using EntryPointer = std::shared_ptr<Entry>;

    mutable std::mutex mutex;
    std::condition_variable removedOne;
    std::unordered_map<Digest, EntryPointer> entries; // those that are not removed
    std::unordered_set<Digest> beingRemoved;
    std::uint64_t lingering = 0;

    EntryPointer acquire(Call& call, const Digest& digest) {
        std::unique_lock<std::mutex> lock(mutex);
        const auto free = [&] { return beingRemoved.count(digest) == 0; };
        if (!removedOne.wait_until(lock, call.deadline(), free)) call.check("waiting for an eviction");
        auto& entry = entries[digest];
        if (!entry) {
            entry = std::make_shared<Entry>();
            entry->digest = digest;
        }
        ++entry->readers;
        return entry;
    }

    void opened(Entry& entry, std::uint64_t bytes) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (entry.bytes != 0) return;
        entry.bytes = bytes;
        if (entry.removed) lingering += bytes;
    }

    void release(const EntryPointer& entry) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (--entry->readers > 0) return;
        if (entry->removed)
            lingering -= entry->bytes;
        else
            entries.erase(entry->digest);
    }
};

class Leases::LeasedBlob : public Blob {
public:
    LeasedBlob(std::shared_ptr<State> state, State::EntryPointer entry, std::unique_ptr<Blob> blob)
        : _state(std::move(state)), _entry(std::move(entry)), _blob(std::move(blob)) {}
    ~LeasedBlob() override {
        _blob.reset(); // first the descriptor, then the claim
        _state->release(_entry);
    }

    std::uint64_t size() const noexcept override { return _blob->size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return _blob->read(offset, buffer, size);
    }
    int descriptor() const noexcept override { return _blob->descriptor(); }

private:
    const std::shared_ptr<State> _state;
    const State::EntryPointer _entry;
    std::unique_ptr<Blob> _blob;
};

Leases::Leases() : _state(std::make_shared<State>()) {}

std::unique_ptr<Blob> Leases::open(Call& call, const Digest& digest,
                                   const std::function<std::unique_ptr<Blob>()>& open) {
    auto entry = _state->acquire(call, digest); // before it is opened, so that no eviction comes between
    try {
        auto blob = open();
        if (blob) {
            _state->opened(*entry, blob->size());
            return std::make_unique<LeasedBlob>(_state, entry, std::move(blob));
        }
    } catch (...) {
        _state->release(entry);
        throw;
    }
    _state->release(entry);
    return nullptr;
}

bool Leases::unlessLeased(const Digest& digest, const std::function<void()>& remove) {
    {
        const std::lock_guard<std::mutex> lock(_state->mutex);
        if (_state->entries.count(digest) != 0 || !_state->beingRemoved.insert(digest).second) return false;
    }
    const auto done = [&](void*) {
        {
            const std::lock_guard<std::mutex> lock(_state->mutex);
            _state->beingRemoved.erase(digest);
        }
        _state->removedOne.notify_all();
    };
    const std::unique_ptr<void, decltype(done)> end(this, done);
    remove();
    return true;
}

void Leases::removed(const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_state->mutex);
    const auto found = _state->entries.find(digest);
    if (found == _state->entries.end()) return;
    found->second->removed = true;
    _state->lingering += found->second->bytes;
    _state->entries.erase(found);
}

bool Leases::leased(const Digest& digest) const {
    const std::lock_guard<std::mutex> lock(_state->mutex);
    return _state->entries.count(digest) != 0;
}

std::uint64_t Leases::lingeringBytes() const {
    const std::lock_guard<std::mutex> lock(_state->mutex);
    return _state->lingering;
}

} // namespace wasmproxy::host
