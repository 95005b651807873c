// SPDX-License-Identifier: Apache-2.0
#include "pull/SpareMemory.h"

#include "pull/MemoryFile.h"

#include <algorithm>

namespace wasmproxy::host {

struct SpareMemory::State {
    struct Entry {
        Digest digest;
        std::shared_ptr<MemoryFile> file;
    };

    explicit State(std::uint64_t most) : bound(most) {}

    const std::uint64_t bound;
    mutable std::mutex mutex;
    std::list<Entry> entries; // oldest first
    std::uint64_t used = 0;   // by entries, by what has left and is open still, and by what is being written
    std::function<void(const Digest&)> leaving;

    /// Takes `size` bytes; the oldest leave for them. Throws Error{StorageFault} where that does not help.
    void reserve(std::uint64_t size) {
        for (;;) {
            std::list<Entry> left; // ends outside the lock
            std::function<void(const Digest&)> tell;
            {
                const std::lock_guard<std::mutex> lock(mutex);
                if (used + size <= bound) {
                    used += size;
                    return;
                }
                if (entries.empty()) break;
                left.splice(left.end(), entries, entries.begin());
                tell = leaving;
            }
            if (tell) tell(left.front().digest);
        }
        throw Error(ErrorCode::StorageFault,
                    "the cache cannot be written, and pull.spare-memory is in use (" + std::to_string(bound) +
                        " bytes)",
                    "mend the cache's disk, or raise pull.spare-memory");
    }
    void give(std::uint64_t size) {
        const std::lock_guard<std::mutex> lock(mutex);
        used -= size;
    }
    /// A file whose bytes are given back with it.
    static std::shared_ptr<MemoryFile> make(const std::shared_ptr<State>& state) {
        return {new MemoryFile, [state](MemoryFile* file) {
                    const auto size = file->size();
                    delete file;
                    state->give(size);
                }};
    }
};

class SpareMemory::View : public Blob {
public:
    explicit View(std::shared_ptr<MemoryFile> file) : _file(std::move(file)) {}
    std::uint64_t size() const noexcept override { return _file->size(); }
    std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override {
        return _file->read(offset, buffer, size);
    }
    int descriptor() const noexcept override { return _file->descriptor(); }

private:
    const std::shared_ptr<MemoryFile> _file;
};

class SpareMemory::Write : public Ingest {
public:
    explicit Write(std::shared_ptr<State> state) : _state(std::move(state)), _file(State::make(_state)) {}

    void write(const char* bytes, std::size_t size) override {
        _state->reserve(size);
        const auto before = _file->size();
        try {
            _file->append(bytes, size);
        } catch (...) {
            _state->give(before + size - _file->size());
            throw;
        }
    }
    void commit(const Digest& digest) override {
        _file->seal();
        std::list<State::Entry> replaced; // ends outside the lock
        const std::lock_guard<std::mutex> lock(_state->mutex);
        auto& entries = _state->entries;
        const auto same = std::find_if(entries.begin(), entries.end(),
                                       [&](const State::Entry& entry) { return entry.digest == digest; });
        if (same != entries.end()) replaced.splice(replaced.end(), entries, same);
        entries.push_back({digest, std::move(_file)});
    }

private:
    const std::shared_ptr<State> _state;
    std::shared_ptr<MemoryFile> _file;
};

SpareMemory::SpareMemory(std::uint64_t bound) : _state(std::make_shared<State>(bound)) {}

SpareMemory::~SpareMemory() {
    std::list<State::Entry> left; // their files hold the state: without this nobody would end either
    const std::lock_guard<std::mutex> lock(_state->mutex);
    left.swap(_state->entries);
    _state->leaving = nullptr;
}

void SpareMemory::onLeaving(std::function<void(const Digest&)> leaving) {
    const std::lock_guard<std::mutex> lock(_state->mutex);
    _state->leaving = std::move(leaving);
}

std::unique_ptr<Blob> SpareMemory::open(const Digest& digest) {
    const std::lock_guard<std::mutex> lock(_state->mutex);
    for (const auto& entry : _state->entries)
        if (entry.digest == digest) return std::make_unique<View>(entry.file);
    return nullptr;
}

std::unique_ptr<Ingest> SpareMemory::ingest() {
    return std::make_unique<Write>(_state);
}

bool SpareMemory::remove(const Digest& digest) {
    std::list<State::Entry> removed; // ends outside the lock
    const std::lock_guard<std::mutex> lock(_state->mutex);
    auto& entries = _state->entries;
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const State::Entry& entry) { return entry.digest == digest; });
    if (found == entries.end()) return false;
    removed.splice(removed.end(), entries, found);
    return true;
}

std::uint64_t SpareMemory::bytes() const {
    const std::lock_guard<std::mutex> lock(_state->mutex);
    return _state->used;
}

} // namespace wasmproxy::host
