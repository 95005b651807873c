// SPDX-License-Identifier: Apache-2.0
#include "observe/DirectoryWatch.h"

#include "observe/Log.h"

#include <cstdint>
#include <cstring>
#include <sys/inotify.h>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

constexpr std::chrono::seconds Abandoned{10}; // a writer that is silent for so long has finished, or never will
constexpr std::size_t MaxWritten = 1000;
constexpr std::uint32_t Changes = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                  IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string parentOf(const std::string& directory) {
    const auto end = directory.find_last_not_of('/');
    const auto slash = directory.rfind('/', end);
    if (end == std::string::npos || slash == std::string::npos) return ".";
    return slash == 0 ? "/" : directory.substr(0, slash);
}

} // namespace

DirectoryWatch::DirectoryWatch(std::string directory) : _directory(std::move(directory)) {
    _notify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (_notify < 0)
        log(LogLevel::Warning, "changes of a directory are only seen by looking from time to time",
            {{"directory", _directory}, {"hint", "raise fs.inotify.max_user_instances"}});
}

DirectoryWatch::~DirectoryWatch() {
    if (_notify >= 0) ::close(_notify);
}

void DirectoryWatch::renew() {
    if (_notify < 0) return;
    // The same directory keeps its watch; one that took its place gets another.
    const int watch = ::inotify_add_watch(_notify, _directory.c_str(), Changes);
    if (watch != _watch) {
        if (_watch >= 0) ::inotify_rm_watch(_notify, _watch);
        _written.clear();
    }
    _watch = watch;
    if (watch < 0 && _parentWatch < 0) {
        _parentWatch = ::inotify_add_watch(_notify, parentOf(_directory).c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    } else if (watch >= 0 && _parentWatch >= 0) {
        ::inotify_rm_watch(_notify, _parentWatch);
        _parentWatch = -1;
    }
}

bool DirectoryWatch::take() {
    bool worth = false;
    char events[16 * 1024];
    ssize_t got = 0;
    while ((got = ::read(_notify, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < got;) {
            inotify_event event;
            std::memcpy(&event, events + at, sizeof event);
            const std::string name(event.len != 0 ? events + at + sizeof event : "");
            at += static_cast<ssize_t>(sizeof event + event.len);
            if ((event.mask & IN_Q_OVERFLOW) != 0) _written.clear();
            if (event.wd != _watch || (event.mask & IN_MODIFY) == 0) worth = true;
            if (event.wd != _watch || name.empty()) continue;
            if ((event.mask & IN_MODIFY) != 0 && _written.size() < MaxWritten) _written[name] = Clock::now();
            if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0) _written.erase(name);
        }
    }
    return worth;
}

std::set<std::string> DirectoryWatch::beingWritten() {
    std::set<std::string> names;
    for (auto it = _written.begin(); it != _written.end();) {
        const bool over = Clock::now() - it->second >= Abandoned;
        if (!over) names.insert(it->first);
        it = over ? _written.erase(it) : std::next(it);
    }
    return names;
}

} // namespace wasmproxy::host
