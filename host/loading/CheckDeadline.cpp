// SPDX-License-Identifier: Apache-2.0
#include "loading/CheckDeadline.h"

#include <csignal>
#include <cstdio>
#include <sys/time.h>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

// What a signal handler may use: written before the timer starts.
char message[1024];
std::size_t messageSize = 0;

void end(int) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message, messageSize);
    ::_exit(1);
}

void arm(std::chrono::milliseconds limit) {
    itimerval timer{};
    timer.it_value.tv_sec = limit.count() / 1000;
    timer.it_value.tv_usec = limit.count() % 1000 * 1000;
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

} // namespace

CheckDeadline::CheckDeadline(const std::string& file, std::chrono::milliseconds limit) {
    const auto text = file.substr(0, 800) + " did not open within " + std::to_string(limit.count()) +
                      " ms (a static constructor hangs?); ask the plugin's author for a fixed version\n";
    messageSize = text.copy(message, sizeof message);
    std::signal(SIGALRM, end);
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
    arm(limit);
}

CheckDeadline::~CheckDeadline() {
    arm(std::chrono::milliseconds(0));
    std::signal(SIGALRM, SIG_DFL);
}

} // namespace wasmproxy::host
