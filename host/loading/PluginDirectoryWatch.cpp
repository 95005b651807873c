// SPDX-License-Identifier: Apache-2.0
#include "loading/PluginDirectoryWatch.h"

#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <poll.h>
#include <sys/eventfd.h>

namespace wasmproxy::host {

namespace {

// Who copies several files is let finish, so that they are one change.
constexpr std::chrono::milliseconds Settle{50};

OwnedFd event() {
    OwnedFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd)
        throw Error(ErrorCode::Internal, "no descriptor to watch the plugin directory with",
                    "raise the limit of open files");
    return fd;
}

} // namespace

PluginDirectoryWatch::PluginDirectoryWatch(PluginCatalog& catalog, std::function<void()> onOpened,
                                           std::chrono::milliseconds rescan)
    : _catalog(catalog),
      _onOpened(std::move(onOpened)),
      _rescan(rescan),
      _directory(catalog.directory()),
      _stop(event()),
      _wake(event()) {
    _directory.renew();
    _thread = std::thread([this] { run(); });
}

PluginDirectoryWatch::~PluginDirectoryWatch() {
    stop();
}

void PluginDirectoryWatch::stop() {
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        _stopped = true;
        _looked.notify_all();
    }
    ::eventfd_write(_stop.get(), 1);
    if (_thread.joinable()) _thread.join();
}

bool PluginDirectoryWatch::rescan(std::chrono::milliseconds patience) {
    std::unique_lock<std::mutex> lock(_mutex);
    const auto mine = ++_asked;
    ::eventfd_write(_wake.get(), 1);
    _looked.wait_for(lock, patience, [&] { return _answered >= mine || _stopped; });
    return _answered >= mine;
}

void PluginDirectoryWatch::run() {
    do { // once at first, for what changed between the start and the watch
        try {
            look();
        } catch (const std::exception& error) {
            log(LogLevel::Error, "the plugin directory could not be looked at",
                {{"directory", _catalog.directory()}, {"cause", error.what()}});
        }
    } while (wait());
}

bool PluginDirectoryWatch::wait() {
    const auto until = std::chrono::steady_clock::now() + _rescan;
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (left <= 0) return true;
        pollfd waiting[] = {{_stop.get(), POLLIN, 0},
                            {_wake.get(), POLLIN, 0},
                            {_catalog.checkedDescriptor(), POLLIN, 0},
                            {_directory.descriptor(), POLLIN, 0}};    // -1 is left out
        if (::poll(waiting, 4, static_cast<int>(left)) < 0) continue; // EINTR
        if (waiting[0].revents != 0) return false;
        eventfd_t count = 0;
        ::eventfd_read(_wake.get(), &count);
        if (waiting[3].revents != 0) {
            if (::poll(waiting, 1, static_cast<int>(Settle.count())) > 0) return false;
            if (_directory.take()) return true;
        }
        if (waiting[1].revents != 0 || waiting[2].revents != 0) return true;
    }
}

void PluginDirectoryWatch::look() {
    std::uint64_t asked = 0;
    bool again = false;
    {
        const std::lock_guard<std::mutex> lock(_mutex);
        asked = _asked;
        again = asked != _begun;
        _begun = asked;
    }
    PluginCatalog::Look found;
    _directory.renew();
    _directory.take(); // what is written to counts as that also where it is time to look anyway
    try {
        found = _catalog.look(_directory.beingWritten(), again);
        _problem.clear();
    } catch (const Error& error) {
        if (_problem != error.what())
            log(LogLevel::Warning, "the plugin directory is of no use now; what was loaded stays in use",
                {{"cause", error.what()}, {"hint", error.hint()}});
        _problem = error.what();
    }
    for (const auto& state : found.changed)
        report(state);
    if (found.opened && _onOpened) _onOpened();
    if (found.checking) return;
    const std::lock_guard<std::mutex> lock(_mutex);
    _answered = asked;
    _looked.notify_all();
}

void PluginDirectoryWatch::report(const PluginState& state) {
    if (state.state == "loaded")
        log(LogLevel::Information, "plugin loaded",
            {{"file", state.file}, {"plugin", state.id}, {"version", state.version}});
    else
        log(LogLevel::Warning, "plugin " + state.state, {{"file", state.file}, {"cause", state.reason}});
}

} // namespace wasmproxy::host
