// SPDX-License-Identifier: Apache-2.0
#include "HostApplication.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <iostream>

int main(int argc, char** argv) {
    // Before any thread: every thread inherits the mask, and one place waits for these with sigwait.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN); // sendfile(2) has no flag for it
    // Credentials are in this process's memory: no core file, no ptrace by others. The limit also holds for programs
    // that are run, which execve(2) makes dumpable again.
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ // whose leak check needs it
    prctl(PR_SET_DUMPABLE, 0);
#endif

    try {
        wasmproxy::host::HostApplication application;
        application.init(argc, argv);
        return application.run();
    } catch (const Poco::Exception& error) {
        std::cerr << "wasm-proxy: " << error.displayText() << "; see --help\n";
        return wasmproxy::host::HostApplication::UsageError;
    } catch (const std::exception& error) {
        std::cerr << "wasm-proxy: " << error.what() << "\n";
        return wasmproxy::host::HostApplication::Failed;
    }
}
