// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace wasmproxy::host::test {

struct RawAnswer {
    std::string statusLine;
    std::string head; ///< with the status line
    std::string body;
    int status() const { return statusLine.size() > 12 ? std::stoi(statusLine.substr(9, 3)) : 0; }
    std::string header(const std::string& name) const; ///< the first, "" if absent
};

/// A client that sends exactly what it is told. Every wait is bounded; a timeout throws std::runtime_error.
class RawClient {
public:
    explicit RawClient(std::uint16_t port, int receiveBuffer = 0);
    ~RawClient();
    RawClient(RawClient&& other) noexcept;
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void send(std::string_view bytes);
    /// One answer; with `headOnly` none of its body is expected.
    RawAnswer answer(bool headOnly = false);
    RawAnswer get(const std::string& path, const std::string& headers = {}, const char* method = "GET");
    std::string readToEnd(); ///< until the server closes; a reset is a failure
    std::string readSome(std::size_t limit);
    void finishSending();
    bool closedWithin(std::chrono::milliseconds limit); ///< end of file or reset, and nothing before it
    void reset();                                       ///< closes with RST
    int descriptor() const { return _socket; }

private:
    void fill();

    int _socket = -1;
    std::string _buffer;
};

} // namespace wasmproxy::host::test
