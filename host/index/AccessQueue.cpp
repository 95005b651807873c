// SPDX-License-Identifier: Apache-2.0
#include "AccessQueue.h"

#include <iterator>

namespace wasmproxy::host {

namespace {

constexpr std::size_t LongestText = 1024; // of an access's reference or caller

} // namespace

std::size_t AccessQueue::partOfThread() noexcept {
    static std::atomic<std::size_t> threads{0};
    static thread_local const std::size_t part = threads.fetch_add(1) % Parts;
    return part;
}

std::size_t AccessQueue::add(const Digest& module, const std::string& reference, const std::string& caller,
                             std::chrono::system_clock::time_point at) noexcept {
    try {
        Part& part = _parts[partOfThread()];
        const std::lock_guard lock(part.mutex);
        part.key.assign(module.str()).append(1, ' ').append(reference).append(1, ' ').append(caller);
        auto found = part.asked.find(part.key);
        if (found == part.asked.end()) {
            if (part.asked.size() >= MostAsked) part.asked.clear();
            found = part.asked.emplace(part.key, Asked{}).first;
        }
        Asked& asked = found->second;
        const auto second = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
        if (asked.second != second) asked = {second, 0, 0, 0};
        const bool many = asked.rows >= RowsPerSecond;
        if (many && asked.batch == part.batch) {
            ++part.waiting[asked.rest].times;
            return 0;
        }
        if (_size.load() >= _bound) {
            ++_dropped;
            return 0;
        }
        part.waiting.push_back({module, reference.substr(0, LongestText), caller.substr(0, LongestText), at});
        ++asked.rows;
        if (many) {
            asked.rest = part.waiting.size() - 1;
            asked.batch = part.batch;
        }
        return ++_size;
    } catch (const std::exception&) {
        ++_dropped; // no memory: an access is what can be lost
        return 0;
    }
}

std::vector<AccessRecord> AccessQueue::take() {
    std::vector<AccessRecord> all;
    for (auto& part : _parts) {
        const std::lock_guard lock(part.mutex);
        if (part.waiting.empty()) continue;
        all.insert(all.end(), std::make_move_iterator(part.waiting.begin()),
                   std::make_move_iterator(part.waiting.end()));
        _size -= part.waiting.size();
        part.waiting.clear();
        ++part.batch;
    }
    return all;
}

} // namespace wasmproxy::host
