// SPDX-License-Identifier: Apache-2.0
#include "Daemon.h"

#include "wasmproxy/oci/Error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace wasmproxy::host {
namespace {

void detachStandardStreams() {
    // Standard error stays: it is where the log goes, and whoever started us has redirected it or not.
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    ::close(null);
}

} // namespace

int daemonize(const std::function<int(const std::function<void()>& ready)>& child) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(ErrorCode::Internal, std::string("pipe: ") + std::strerror(errno));
    const auto pid = ::fork();
    if (pid < 0) throw Error(ErrorCode::Internal, std::string("fork: ") + std::strerror(errno));
    if (pid == 0) {
        ::close(ends[0]);
        ::setsid();
        detachStandardStreams();
        return child([&] {
            static_cast<void>(!::write(ends[1], "r", 1));
            ::close(ends[1]);
        });
    }
    ::close(ends[1]);
    char byte = 0;
    ssize_t count = 0;
    do
        count = ::read(ends[0], &byte, 1);
    while (count < 0 && errno == EINTR);
    ::close(ends[0]);
    if (count == 1) ::_exit(0); // ready; the parent's own objects belong to the child now
    int status = 0;
    ::waitpid(pid, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

PidFile::PidFile(const std::string& path) : _path(path) {
    if (path.empty()) return;
    const auto fail = [&](const std::string& why) {
        const auto text = "pidfile " + path + ": " + why;
        if (_fd >= 0) ::close(_fd);
        throw Error(ErrorCode::SettingsInvalid, text);
    };
    _fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (_fd < 0) fail(std::strerror(errno));
    if (::flock(_fd, LOCK_EX | LOCK_NB) != 0) fail("held by a running wasm-proxy");
    const auto text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(_fd, 0) != 0 || ::write(_fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        fail(std::strerror(errno));
}

PidFile::~PidFile() {
    if (_fd < 0) return;
    ::unlink(_path.c_str());
    ::close(_fd);
}

} // namespace wasmproxy::host
