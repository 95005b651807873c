// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace wasmproxy::host {

/// Opens a library in a child process first, since opening runs its static constructors: one that throws, hangs or
/// crashes ends that child. The child inherits the library's descriptor and no other, a short environment, and is
/// killed with its whole process group at the deadline.
class PluginCheck {
public:
    /// Once `stop` is readable, a child is killed; -1: nothing stops it before the deadline.
    PluginCheck(std::string program, std::chrono::milliseconds timeout, int stop = -1)
        : _program(std::move(program)), _timeout(timeout), _stop(stop) {}

    /// "" or why the library must not be opened here; `file` names it. Throws Error{PluginFault} where no child can be
    /// started.
    std::string run(int descriptor, const std::string& file) const;

private:
    std::string _program;
    std::chrono::milliseconds _timeout;
    int _stop;
};

} // namespace wasmproxy::host
