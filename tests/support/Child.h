// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace wasmproxy::test {

/// A program that runs in a process group of its own. Its pid stays held (as a zombie, once it has ended) until the
/// destructor has killed what is left of the group, so no signal can ever hit somebody else's process.
class Child {
public:
    struct Options {
        std::string outputFile = "/dev/null"; ///< standard output and error, appended
        std::string inputFile = "/dev/null";
        std::map<std::string, std::string> environment; ///< added to ours
    };

    /// Throws std::runtime_error where the program cannot be started. Looked up in PATH without a slash.
    Child(const std::string& program, const std::vector<std::string>& arguments, const Options& options);
    Child(const std::string& program, const std::vector<std::string>& arguments)
        : Child(program, arguments, Options()) {}
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const noexcept { return _pid; }
    bool running() { return !wait(std::chrono::milliseconds(0)); }
    /// What a shell says: the exit code, or 128 + signal; nullopt: still running when the time is over.
    std::optional<int> wait(std::chrono::milliseconds time);
    void signal(int number);
    /// SIGTERM, then wait(); SIGKILL to the group when the time is over.
    int terminate(std::chrono::milliseconds time = std::chrono::seconds(10));
    void kill(); ///< SIGKILL to the group, and waits

    /// Until something accepts connections there; false: the time is over or the child has ended.
    bool waitForPort(int port, std::chrono::milliseconds time = std::chrono::seconds(10));

private:
    pid_t _pid = -1;
    int _descriptor = -1; ///< of the process; readable once it has ended
};

/// Runs a program to its end and throws std::runtime_error with its output unless it exits with 0. Returns the output.
std::string run(const std::string& program, const std::vector<std::string>& arguments,
                std::chrono::milliseconds time = std::chrono::seconds(60));

/// Can something be connected to on 127.0.0.1?
bool portAnswers(int port);

} // namespace wasmproxy::test
