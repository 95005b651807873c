// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionDirectory.h"

#include "extensions/ExtensionReader.h"
#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

// Who writes several files, or one in several steps, is let finish.
constexpr std::chrono::milliseconds Settle{50};
constexpr std::uint32_t Changes = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string parentOf(const std::string& directory) {
    const auto end = directory.find_last_not_of('/');
    const auto slash = directory.rfind('/', end);
    if (end == std::string::npos || slash == std::string::npos) return ".";
    return slash == 0 ? "/" : directory.substr(0, slash);
}

/// What can be done so that a name survives a crash; where it cannot, the file is there all the same.
void syncDirectory(const std::string& directory) {
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}

void closeIf(int descriptor) {
    if (descriptor >= 0) ::close(descriptor);
}

} // namespace

ExtensionDirectory::ExtensionDirectory(std::string directory, ExtensionCatalog& catalog,
                                       std::chrono::milliseconds rescan)
    : _directory(std::move(directory)), _catalog(catalog), _rescan(rescan) {
    _notify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (_notify < 0)
        log(LogLevel::Warning, "changes of the extensions' directory are only seen by looking from time to time",
            {{"directory", _directory}, {"hint", "raise fs.inotify.max_user_instances"}});
    _stop = ::eventfd(0, EFD_CLOEXEC);
    if (_stop < 0) {
        closeIf(_notify);
        throw Error(ErrorCode::Internal, "no descriptor to watch " + _directory + " with",
                    "raise the limit of open files");
    }
    scan();
    try {
        _thread = std::thread([this] { run(); });
    } catch (...) {
        closeIf(_notify);
        closeIf(_stop);
        throw;
    }
}

ExtensionDirectory::~ExtensionDirectory() {
    const std::uint64_t one = 1;
    while (::write(_stop, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    _thread.join();
    closeIf(_notify);
    closeIf(_stop);
}

void ExtensionDirectory::run() {
    for (;;) {
        pollfd waiting[] = {{_stop, POLLIN, 0}, {_notify, POLLIN, 0}};
        const int ready = ::poll(waiting, _notify < 0 ? 1 : 2, static_cast<int>(_rescan.count()));
        if (ready < 0) continue; // EINTR
        if (waiting[0].revents) return;
        if (ready > 0) {
            if (::poll(waiting, 1, static_cast<int>(Settle.count())) > 0) return;
            // What changed does not matter: all is looked at, and only what has other bytes is parsed.
            char events[16 * 1024];
            while (::read(_notify, events, sizeof events) > 0)
                continue;
        }
        try {
            scan();
        } catch (const std::exception& e) {
            log(LogLevel::Error, "the extensions' directory could not be read",
                {{"directory", _directory}, {"cause", e.what()}});
        }
    }
}

void ExtensionDirectory::watch() {
    if (_notify < 0) return;
    // The same directory keeps its watch; one that took its place gets another.
    const int watch = ::inotify_add_watch(_notify, _directory.c_str(), Changes);
    if (_watch >= 0 && watch != _watch) ::inotify_rm_watch(_notify, _watch);
    _watch = watch;
    if (watch < 0 && _parentWatch < 0) {
        _parentWatch = ::inotify_add_watch(_notify, parentOf(_directory).c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    } else if (watch >= 0 && _parentWatch >= 0) {
        ::inotify_rm_watch(_notify, _parentWatch);
        _parentWatch = -1;
    }
}

void ExtensionDirectory::scan() {
    const std::lock_guard<std::mutex> lock(_scanning);
    watch(); // first: what changes while the files are read is seen after it
    auto content = _files.read(_directory);
    reportChanges(content.documents, content.problem);
    // What cannot be looked at for the moment is not gone.
    if (content.problem.empty() || content.absent) _catalog.replace("directory", std::move(content.documents));
}

std::string ExtensionDirectory::pathOf(const std::string& name) const {
    return _directory + (_directory.back() == '/' ? "" : "/") + name + ".json"; // as ExtensionFiles names it
}

void ExtensionDirectory::cannot(const std::string& what) const {
    const int number = errno;
    const bool readOnly = number == EROFS || number == EACCES || number == EPERM;
    throw Error(ErrorCode::StorageFault, what + ": " + std::strerror(number),
                readOnly
                    ? "the directory in [extensions] directory cannot be written by wasm-proxy; a ConfigMap never can"
                    : "");
}

std::optional<std::string> ExtensionDirectory::read(const std::string& name) const {
    const auto path = pathOf(name);
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        if (errno == ENOENT) return std::nullopt;
        cannot(path + " cannot be read");
    }
    std::string bytes(MaxExtensionFile + 1, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (in.bad()) cannot(path + " cannot be read");
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    return bytes;
}

void ExtensionDirectory::write(const std::string& name, const std::string& json) {
    const auto path = pathOf(name);
    const auto slash = path.rfind('/') + 1;
    // Hidden until it is whole: such names are not read.
    const auto aside = path.substr(0, slash) + "." + path.substr(slash) + ".new";
    const int file = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (file < 0) cannot(aside + " cannot be written");
    std::size_t done = 0;
    while (done < json.size()) {
        const auto count = ::write(file, json.data() + done, json.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        done += static_cast<std::size_t>(count);
    }
    const bool good = done == json.size() && ::fsync(file) == 0;
    const int number = errno;
    ::close(file);
    errno = number;
    if (!good || ::rename(aside.c_str(), path.c_str()) != 0) {
        const int why = errno;
        ::unlink(aside.c_str());
        errno = why;
        cannot(path + " cannot be written");
    }
    syncDirectory(_directory);
    scan();
}

void ExtensionDirectory::remove(const std::string& name) {
    const auto path = pathOf(name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) cannot(path + " cannot be removed");
    syncDirectory(_directory);
    scan();
}

void ExtensionDirectory::reportChanges(const std::vector<ExtensionDocument>& documents, const std::string& problem) {
    std::map<std::string, std::string> now;
    if (!problem.empty()) {
        now[_directory] = problem;
        if (_reported[_directory] != problem)
            log(LogLevel::Warning, "the extensions' directory is of no use now",
                {{"directory", _directory}, {"cause", problem}});
    }
    for (const auto& document : documents) {
        if (document.problems.empty()) continue;
        std::string all;
        for (const auto& each : document.problems)
            all += each.field + ": " + each.message + "\n";
        const auto before = _reported.find(document.origin);
        if (before == _reported.end() || before->second != all)
            for (const auto& each : document.problems)
                log(LogLevel::Warning, "extension refused",
                    {{"file", document.origin},
                     {"extension", document.name},
                     {"field", each.field},
                     {"cause", each.message}});
        now[document.origin] = std::move(all);
    }
    _reported = std::move(now);
}

} // namespace wasmproxy::host
