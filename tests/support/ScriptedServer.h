// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wasmproxy::test {

/// A server on loopback that answers each request with the bytes it is told to, right or wrong, and closes. For
/// misbehaviour that no real registry has. One request per connection, a thread each, joined by the destructor.
class ScriptedServer {
public:
    /// Gets method and target; returns the whole answer, head and body, as it goes over the wire.
    using Script = std::function<std::string(const std::string& method, const std::string& target)>;

    explicit ScriptedServer(Script script);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    std::string host() const { return "127.0.0.1:" + std::to_string(_port); }
    int requests() const noexcept { return _requests; }

    /// A well-formed answer.
    static std::string answer(int status, const std::string& headers, const std::string& body);

private:
    void accept();
    void serve(int socket);

    Script _script;
    int _listener = -1;
    int _port = 0;
    std::atomic<bool> _stopping{false};
    std::atomic<int> _requests{0};
    std::mutex _mutex;
    std::vector<std::thread> _connections;
    std::thread _acceptor;
};

} // namespace wasmproxy::test
