// SPDX-License-Identifier: Apache-2.0
#include "extensions/ExtensionDirectory.h"

#include "extensions/ExtensionReader.h"
#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

// Who writes several files, or one in several steps, is let finish.
constexpr std::chrono::milliseconds Settle{50};

/// What can be done so that a name survives a crash; where it cannot, the file is there all the same.
void syncDirectory(const std::string& directory) {
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}

} // namespace

ExtensionDirectory::ExtensionDirectory(std::string directory, ExtensionCatalog& catalog,
                                       std::chrono::milliseconds rescan)
    : _directory(std::move(directory)),
      _catalog(catalog),
      _rescan(rescan),
      _watch(_directory),
      _stop(::eventfd(0, EFD_CLOEXEC)) {
    if (!_stop)
        throw Error(ErrorCode::Internal, "no descriptor to watch " + _directory + " with",
                    "raise the limit of open files");
    scan();
    _thread = std::thread([this] { run(); });
}

ExtensionDirectory::~ExtensionDirectory() {
    ::eventfd_write(_stop.get(), 1);
    _thread.join();
}

void ExtensionDirectory::run() {
    while (wait()) {
        try {
            scan();
        } catch (const std::exception& e) {
            log(LogLevel::Error, "the extensions' directory could not be read",
                {{"directory", _directory}, {"cause", e.what()}});
        }
    }
}

bool ExtensionDirectory::wait() {
    const auto until = std::chrono::steady_clock::now() + _rescan;
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (left <= 0) return true;
        pollfd waiting[] = {{_stop.get(), POLLIN, 0}, {_watch.descriptor(), POLLIN, 0}}; // -1 is left out
        const int ready = ::poll(waiting, 2, static_cast<int>(left));
        if (ready < 0) continue; // EINTR
        if (waiting[0].revents != 0) return false;
        if (ready == 0) return true;
        if (::poll(waiting, 1, static_cast<int>(Settle.count())) > 0) return false;
        const std::lock_guard<std::mutex> lock(_scanning);
        // What changed does not matter: all is looked at, and only what has other bytes is parsed.
        if (_watch.take()) return true;
    }
}

void ExtensionDirectory::scan() {
    const std::lock_guard<std::mutex> lock(_scanning);
    _watch.renew(); // first: what changes while the files are read is seen after it
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
