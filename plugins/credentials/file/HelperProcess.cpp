// SPDX-License-Identifier: Apache-2.0
#include "HelperProcess.h"

#include "ProcessGroup.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace wasmproxy::file {

namespace {

using Clock = std::chrono::steady_clock;

/// How often a call that may be cancelled is looked at.
constexpr std::chrono::milliseconds Step{100};

[[noreturn]] void fail(const HelperCommand& command, const std::string& message, const std::string& hint = {}) {
    throw Error(ErrorCode::CredentialSourceFault, command.program + ": " + message, hint);
}

[[noreturn]] void failErrno(const HelperCommand& command, const std::string& doing, int number) {
    fail(command, doing + ": " + std::generic_category().message(number));
}

/// Both ends above those that a program expects, closed on exec.
class Pipe {
public:
    explicit Pipe(const HelperCommand& command) {
        if (::pipe2(_ends.data(), O_CLOEXEC) != 0) failErrno(command, "no pipe", errno);
        for (int& end : _ends) {
            if (end > STDERR_FILENO) continue;
            const int higher = ::fcntl(end, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
            ::close(end);
            end = higher;
        }
    }
    ~Pipe() {
        closeReader();
        closeWriter();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    int reader() const { return _ends[0]; }
    int writer() const { return _ends[1]; }
    void closeReader() { close(_ends[0]); }
    void closeWriter() { close(_ends[1]); }
    void neverBlock(int end) const { ::fcntl(_ends[static_cast<std::size_t>(end)], F_SETFL, O_NONBLOCK); }

private:
    static void close(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }
    std::array<int, 2> _ends{-1, -1};
};

struct Spawning {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    Spawning() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~Spawning() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
};

pid_t spawn(const HelperCommand& command, const Pipe& in, const Pipe& out, const Pipe& err) {
    Spawning how;
    ::posix_spawn_file_actions_adddup2(&how.actions, in.reader(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&how.actions, out.writer(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&how.actions, err.writer(), STDERR_FILENO);
    // Ours are closed on exec, Poco's sockets are not.
    ::posix_spawn_file_actions_addclosefrom_np(&how.actions, STDERR_FILENO + 1);
    ::posix_spawn_file_actions_addchdir_np(&how.actions, "/");
    // The host blocks signals in all its threads and ignores some, which exec would pass on.
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&how.attributes, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&how.attributes, &signals);
    ::posix_spawnattr_setpgroup(&how.attributes, 0);
    ::posix_spawnattr_setflags(&how.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    const auto pointers = [](const std::vector<std::string>& texts) {
        std::vector<char*> result;
        for (const std::string& text : texts)
            result.push_back(const_cast<char*>(text.c_str())); // exec's signature; nothing writes to it
        return result;
    };
    std::vector<char*> arguments = pointers(command.arguments);
    arguments.insert(arguments.begin(), const_cast<char*>(command.program.c_str()));
    arguments.push_back(nullptr);
    std::vector<char*> environment = pointers(command.environment);
    environment.push_back(nullptr);
    pid_t child = 0;
    const int failed = ::posix_spawn(&child, command.program.c_str(), &how.actions, &how.attributes, arguments.data(),
                                     environment.data());
    if (failed)
        fail(command, "cannot be run: " + std::generic_category().message(failed),
             "is it a program of this machine's kind, and for a script, is its interpreter there?");
    return child;
}

/// Reads what is there. False: its end was reached, or there is an error. `take` returns false to stop early.
template <class Take>
bool drain(int descriptor, Take take) {
    std::array<char, 4096> buffer;
    while (true) {
        const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno == EAGAIN;
        if (got == 0) return false;
        const bool more = take(buffer.data(), static_cast<std::size_t>(got));
        ::explicit_bzero(buffer.data(), static_cast<std::size_t>(got));
        if (!more) return true;
    }
}

/// What the program writes, within bounds.
class Output {
public:
    // Never grown: growing would leave copies of a secret behind.
    Output() { _bytes.reserve(HelperResult::MaxOutput + 1); }
    ~Output() { Secret::wipe(_bytes); }

    void readFrom(Pipe& out, Pipe& err) {
        const bool outOpen = drain(out.reader(), [&](const char* bytes, std::size_t size) {
            _bytes.append(bytes, std::min(size, HelperResult::MaxOutput + 1 - _bytes.size()));
            return !tooLarge();
        });
        if (!outOpen) out.closeReader();
        std::size_t round = 0; // who writes without end must not keep us here
        const bool errOpen = drain(err.reader(), [&](const char*, std::size_t size) {
            _errorBytes += size;
            return (round += size) < HelperResult::MaxOutput;
        });
        if (!errOpen) err.closeReader();
    }
    bool tooLarge() const { return _bytes.size() > HelperResult::MaxOutput; }
    HelperResult result(const ProcessGroup::Ending& ending) const {
        return {ending.status, ending.signal, Secret(_bytes), _errorBytes};
    }

private:
    std::string _bytes;
    std::size_t _errorBytes = 0;
};

} // namespace

std::string HelperResult::ending() const {
    std::string text = signal != 0 ? "killed by signal " + std::to_string(signal) : "exit " + std::to_string(status);
    if (errorBytes != 0) text += ", " + std::to_string(errorBytes) + " bytes on stderr not shown";
    return text;
}

HelperResult runHelper(Call& call, const HelperCommand& command, std::chrono::milliseconds limit) {
    call.check(("running " + command.program).c_str());
    const auto until = Clock::now() + limit;
    Pipe in(command);
    Pipe out(command);
    Pipe err(command);
    in.neverBlock(1);
    out.neverBlock(0);
    err.neverBlock(0);
    // It fits into an empty pipe, so nobody waits for a program that does not read.
    if (::write(in.writer(), command.input.data(), command.input.size()) != static_cast<ssize_t>(command.input.size()))
        fail(command, "its input does not fit into a pipe");
    in.closeWriter();

    const ProcessGroup group(spawn(command, in, out, err));
    in.closeReader();
    out.closeWriter();
    err.closeWriter();
    Output output;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
        const auto wait = std::max(std::chrono::milliseconds(0), std::min({left, call.remaining(), Step}));
        std::array<pollfd, 3> events{
            {{out.reader(), POLLIN, 0}, {err.reader(), POLLIN, 0}, {group.descriptor(), POLLIN, 0}}};
        ::poll(events.data(), events.size(), static_cast<int>(wait.count()));
        // Before its output is read: what it wrote is in the pipe by then.
        const auto ending = group.ended();
        output.readFrom(out, err);
        if (output.tooLarge())
            fail(command, "wrote more than " + std::to_string(HelperResult::MaxOutput >> 10) + " KiB and was killed");
        if (ending) return output.result(*ending);
        call.check(("waiting for " + command.program + ", which was killed").c_str());
        if (Clock::now() >= until)
            fail(command, "did not answer within " + std::to_string(limit.count()) + " ms and was killed");
    }
}

} // namespace wasmproxy::file
