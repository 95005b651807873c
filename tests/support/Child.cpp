// SPDX-License-Identifier: Apache-2.0
#include "support/Child.h"

#include "support/TemporaryFolder.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern "C" { // glibc 2.36 forgets it
#include <sys/pidfd.h>
}

namespace wasmproxy::test {
namespace {

std::vector<std::string> environmentWith(const std::map<std::string, std::string>& added) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text(*entry);
        if (added.count(text.substr(0, text.find('='))) == 0) result.push_back(text);
    }
    for (const auto& [name, value] : added)
        result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointersTo(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

} // namespace

Child::Child(const std::string& program, const std::vector<std::string>& arguments, const Options& options) {
    std::vector<std::string> texts{program};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<std::string> environment = environmentWith(options.environment);

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, options.inputFile.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, options.outputFile.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int code = posix_spawnp(&_pid, program.c_str(), &files, &attributes, pointersTo(texts).data(),
                                  pointersTo(environment).data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (code != 0) throw std::runtime_error("cannot start " + program + ": " + std::strerror(code));
    _descriptor = pidfd_open(_pid, 0);
    if (_descriptor < 0) {
        const int error = errno;
        kill();
        while (::waitpid(_pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        throw std::runtime_error("pidfd_open: " + std::string(std::strerror(error)));
    }
}

Child::~Child() {
    kill();
    ::waitpid(_pid, nullptr, 0);
    ::close(_descriptor);
}

std::optional<int> Child::wait(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (true) {
        siginfo_t state{};
        if (::waitid(P_PID, static_cast<id_t>(_pid), &state, WEXITED | WNOHANG | WNOWAIT) == 0 && state.si_pid == _pid)
            return state.si_code == CLD_EXITED ? state.si_status : 128 + state.si_status;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return std::nullopt;
        pollfd ended{_descriptor, POLLIN, 0};
        ::poll(&ended, 1, static_cast<int>(left.count()));
    }
}

void Child::signal(int number) {
    ::kill(_pid, number);
}

int Child::terminate(std::chrono::milliseconds time) {
    signal(SIGTERM);
    if (const auto status = wait(time)) return *status;
    kill();
    return *wait(std::chrono::seconds(60));
}

void Child::kill() {
    ::kill(-_pid, SIGKILL);
    if (_descriptor >= 0) wait(std::chrono::seconds(60));
}

bool Child::waitForPort(int port, std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!portAnswers(port)) {
        if (std::chrono::steady_clock::now() >= end || wait(std::chrono::milliseconds(20))) return false;
    }
    return true;
}

std::string run(const std::string& program, const std::vector<std::string>& arguments, std::chrono::milliseconds time) {
    const TemporaryFolder folder;
    Child::Options options;
    options.outputFile = folder / "output";
    Child child(program, arguments, options);
    const auto status = child.wait(time);
    if (!status) child.kill();
    const std::string output = readFile(options.outputFile);
    if (status != 0)
        throw std::runtime_error(program + (status ? " failed with " + std::to_string(*status) : " does not end") +
                                 ": " + output);
    return output;
}

bool portAnswers(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    ::close(socket);
    return connected;
}

} // namespace wasmproxy::test
