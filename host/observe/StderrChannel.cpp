// SPDX-License-Identifier: Apache-2.0
#include "observe/StderrChannel.h"

#include <Poco/Message.h>

#include <cerrno>
#include <string>
#include <unistd.h>

namespace wasmproxy::host {

void StderrChannel::log(const Poco::Message& message) {
    const std::string line = message.getText() + '\n';
    std::size_t done = 0;
    while (done < line.size()) {
        const ssize_t n = ::write(STDERR_FILENO, line.data() + done, line.size() - done);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            return; // Nobody reads the log: a line lost is better than a proxy stopped.
        }
    }
}

} // namespace wasmproxy::host
