// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/ScriptedServer.h"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace wasmproxy::test {

/// Answers each request as told, any other by 404, and keeps what it was asked. Thread-safe.
class AnswerServer {
public:
    struct Answer {
        int status;
        std::string body;
        std::string headers = {};
    };

    AnswerServer() : _server([this](auto& connection) { serve(connection); }) {}

    std::string origin() const { return _server.url(""); }
    std::string url(const std::string& path, const std::string& host = "127.0.0.1") const {
        return _server.url(path, host);
    }
    /// From now on; `target` as in the request line.
    void answer(const std::string& target, const Answer& answer) {
        const std::lock_guard<std::mutex> lock(_mutex);
        _answers.insert_or_assign(target, answer);
    }
    std::vector<std::string> asked(const std::string& target) const {
        const std::lock_guard<std::mutex> lock(_mutex);
        std::vector<std::string> result;
        for (const auto& request : _requests)
            if (request.find(" " + target + " HTTP/1.1\r\n") != std::string::npos) result.push_back(request);
        return result;
    }

    std::vector<std::string> requests() const {
        const std::lock_guard<std::mutex> lock(_mutex);
        return _requests;
    }

private:
    void serve(ScriptedServer::Connection& connection) {
        for (auto request = connection.readRequest(); !request.empty(); request = connection.readRequest()) {
            Answer answer{404, "", ""};
            {
                const std::lock_guard<std::mutex> lock(_mutex);
                _requests.push_back(request);
                const auto begin = request.find(' ') + 1;
                const auto found = _answers.find(request.substr(begin, request.find(' ', begin) - begin));
                if (found != _answers.end()) answer = found->second;
            }
            if (!connection.send("HTTP/1.1 " + std::to_string(answer.status) + " X\r\n" + answer.headers +
                                 "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body))
                return;
        }
    }

    mutable std::mutex _mutex;
    std::map<std::string, Answer> _answers;
    std::vector<std::string> _requests;
    ScriptedServer _server; // last: its threads use the others
};

} // namespace wasmproxy::test
