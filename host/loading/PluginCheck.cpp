// SPDX-License-Identifier: Apache-2.0
#include "loading/PluginCheck.h"

#include "observe/OwnedFd.h"
#include "wasmproxy/oci/Error.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <vector>

namespace wasmproxy::host {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int LibraryFd = 3; // where the child finds it
constexpr std::size_t MaxOutput = 2000;

[[noreturn]] void fail(const std::string& file, const std::string& doing, int error) {
    throw Error(ErrorCode::PluginFault,
                file + " was not checked: " + doing + ": " + std::generic_category().message(error),
                "see that the process may start children and open descriptors");
}

/// A copy whose number collides with none of those that the child gets.
OwnedFd high(int fd, const std::string& file) {
    OwnedFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 16));
    if (!copy) fail(file, "cannot copy a descriptor", errno);
    return copy;
}

/// What dynamic linking and sanitizers need to work as in this process. Not the rest: it may hold secrets. All symbols
/// are bound at once, so that a missing one shows here and not in the middle of a request.
std::vector<std::string> environment() {
    std::vector<std::string> kept = {"LD_BIND_NOW=1"};
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto name = text.substr(0, text.find('='));
        const auto suffix = [&](std::string_view s) {
            return name.size() > s.size() && name.substr(name.size() - s.size()) == s;
        };
        if (name == "PATH" || name == "TZ" || name == "LANG" || (name.substr(0, 3) == "LD_" && name != "LD_BIND_NOW") ||
            name.substr(0, 3) == "LC_" || suffix("SAN_OPTIONS")) {
            kept.emplace_back(text);
        }
    }
    return kept;
}

class Child {
public:
    Child(const std::string& program, int library, int output, const std::string& file) {
        const OwnedFd libraryCopy = high(library, file);
        const OwnedFd outputCopy = high(output, file);
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, outputCopy.get(), 1);
        ::posix_spawn_file_actions_adddup2(&actions, outputCopy.get(), 2);
        ::posix_spawn_file_actions_adddup2(&actions, libraryCopy.get(), LibraryFd);
        ::posix_spawn_file_actions_addclosefrom_np(&actions, LibraryFd + 1);
        // The host blocks signals in every thread and ignores SIGPIPE; the child starts like any program.
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        ::posix_spawnattr_setpgroup(&attributes, 0);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setsigdefault(&attributes, &all);

        std::string name = program, option = "--check-plugin-fd=" + std::to_string(LibraryFd);
        char* arguments[] = {name.data(), option.data(), nullptr};
        auto variables = environment();
        std::vector<char*> pointers;
        for (auto& variable : variables)
            pointers.push_back(variable.data());
        pointers.push_back(nullptr);
        const int error = ::posix_spawn(&_pid, program.c_str(), &actions, &attributes, arguments, pointers.data());
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
        if (error != 0) fail(file, "cannot start " + program, error);
        _exit = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, _pid, 0))); // glibc 2.36 declares it for C only
    }

    ~Child() {
        if (_pid > 0) reap(true);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Readable once the child has ended; -1 on kernels without pidfds.
    int exitDescriptor() const { return _exit.get(); }

    /// True: it has ended, and status() is how.
    bool ended() { return _pid <= 0 || reap(false); }

    /// Ends it and whatever it started.
    void kill() {
        if (_pid > 0) reap(true);
    }

    int status() const { return _status; }

private:
    bool reap(bool kill) {
        if (kill) ::kill(-_pid, SIGKILL);
        siginfo_t how{};
        int result;
        do { // leaves it unreaped, so that its number still names its group
            result = ::waitid(P_PID, static_cast<id_t>(_pid), &how, WEXITED | WNOWAIT | (kill ? 0 : WNOHANG));
        } while (result != 0 && errno == EINTR);
        if (result == 0 && how.si_pid == 0) return false;
        ::kill(-_pid, SIGKILL); // what it left behind
        // Where SIGCHLD is ignored nobody gets the result: then nothing is known.
        if (::waitpid(_pid, &_status, 0) != _pid) _status = -1;
        _pid = -1;
        return true;
    }

    pid_t _pid = -1;
    int _status = -1;
    OwnedFd _exit;
};

/// Appends what is there to `output`, of which the end is kept. False: nobody can write any more.
bool drain(int fd, std::string& output) {
    char buffer[4096];
    for (int i = 0; i < 64; ++i) { // a child that writes without end does not hold us here
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got == 0) return false;
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        output.append(buffer, static_cast<std::size_t>(got));
        if (output.size() > 2 * MaxOutput) output.erase(0, output.size() - MaxOutput);
    }
    return true;
}

/// One printable line of at most MaxOutput characters, the last ones.
std::string oneLine(std::string text) {
    if (text.size() > MaxOutput) text.erase(0, text.size() - MaxOutput);
    std::string line;
    for (const char c : text) {
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (blank && (line.empty() || line.back() == ' ')) continue;
        line += blank ? ' ' : c > ' ' && c <= '~' ? c : '?';
    }
    while (!line.empty() && line.back() == ' ')
        line.pop_back();
    return line;
}

} // namespace

std::string PluginCheck::run(int descriptor, const std::string& file) const {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail(file, "cannot make a pipe", errno);
    const OwnedFd reading(ends[0]);
    OwnedFd writing(ends[1]);
    ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
    const auto deadline = Clock::now() + _timeout;
    Child child(_program, descriptor, writing.get(), file);
    writing.reset();

    std::string output;
    bool open = true;
    bool late = false, stopped = false;
    while (!child.ended()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            child.kill();
            late = true;
            break;
        }
        pollfd waits[3] = {
            {open ? reading.get() : -1, POLLIN, 0}, {child.exitDescriptor(), POLLIN, 0}, {_stop, POLLIN, 0}};
        const auto most = child.exitDescriptor() >= 0 ? left : std::min(left, std::chrono::milliseconds(20));
        ::poll(waits, 3, static_cast<int>(std::min<std::int64_t>(most.count(), 60000)));
        if (waits[2].revents != 0) {
            child.kill();
            stopped = true;
            break;
        }
        if (waits[0].revents != 0) open = drain(reading.get(), output);
    }
    if (open) drain(reading.get(), output);

    const auto said = oneLine(output);
    const auto saying = said.empty() ? std::string() : ": " + said;
    if (stopped) return file + " was not checked to the end, since wasm-proxy stops";
    if (late) {
        return file + " did not open within " + std::to_string(_timeout.count()) + " ms (a static constructor hangs?)" +
               saying + "; ask the plugin's author for a fixed version";
    }
    const int status = child.status();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (status != -1 && WIFSIGNALED(status)) {
        return file + " crashed while it was opened (" + ::strsignal(WTERMSIG(status)) + ")" + saying +
               "; ask the plugin's author for a fixed version";
    }
    return said.empty() ? file + " did not pass the check, and the check did not say why" : said;
}

} // namespace wasmproxy::host
