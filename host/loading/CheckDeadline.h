// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace wasmproxy::host {

/// For a process that does nothing but check one plugin: unless this is gone in time, the process says that `file` did
/// not open and ends with code 1, whatever the plugin's code is doing. By SIGALRM; one at a time.
class CheckDeadline {
public:
    CheckDeadline(const std::string& file, std::chrono::milliseconds limit);
    ~CheckDeadline();
    CheckDeadline(const CheckDeadline&) = delete;
    CheckDeadline& operator=(const CheckDeadline&) = delete;
};

} // namespace wasmproxy::host
