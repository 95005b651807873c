// SPDX-License-Identifier: Apache-2.0
#include "IndexCopier.h"

#include "observe/Log.h"

namespace wasmproxy::host {

IndexCopier::IndexCopier(const IndexTables& tables, const std::string& indexPath, std::chrono::milliseconds delay)
    : _tables(tables), _copy(indexPath), _delay(delay), _thread([this] { run(); }) {}

IndexCopier::~IndexCopier() {
    {
        const std::lock_guard lock(_mutex);
        _stopping = true;
    }
    _wake.notify_one();
    _thread.join();
}

void IndexCopier::changed() {
    {
        const std::lock_guard lock(_mutex);
        if (_due) return;
        _due = Clock::now() + _delay;
    }
    _wake.notify_one();
}

void IndexCopier::run() {
    std::unique_lock lock(_mutex);
    for (bool last = false; !last;) {
        while (!_stopping && !(_due && Clock::now() >= *_due)) {
            if (_due)
                _wake.wait_until(lock, *_due);
            else
                _wake.wait(lock);
        }
        last = _stopping;
        if (!_due) continue;
        _due.reset(); // what changes from now on may be lacking
        lock.unlock();
        const bool written = write();
        lock.lock();
        if (!written && !_due) _due = Clock::now() + _delay;
    }
}

bool IndexCopier::write() const noexcept {
    try {
        _copy.write(_tables);
        return true;
    } catch (const std::exception& e) {
        log(LogLevel::Warning, "the copy of the index cannot be written",
            {{"path", _copy.path()}, {"cause", e.what()}});
        return false;
    }
}

} // namespace wasmproxy::host
