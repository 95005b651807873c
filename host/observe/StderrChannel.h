// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Channel.h>

namespace wasmproxy::host {

/// Writes each message and its newline with one write(2), so that lines of threads and of child processes that share
/// standard error do not mix (Poco's ConsoleChannel writes them apart).
class StderrChannel : public Poco::Channel {
public:
    void log(const Poco::Message& message) override;
};

} // namespace wasmproxy::host
