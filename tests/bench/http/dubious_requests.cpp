// SPDX-License-Identifier: Apache-2.0
// Requests that two parsers may read in two ways, and how many answers each server gives to them. The second request
// inside the first one's body must never be answered by a server that a proxy may stand in front of.
//   dubious_requests NAME=PORT/PATH…
#include "support/RawClient.h"

#include <iostream>
#include <vector>

namespace {

using wasmproxy::host::test::RawClient;

constexpr int Silence = 500; // ms without a byte: no more answers will come

struct Server {
    std::string name;
    std::uint16_t port;
    std::string path;
};

struct Probe {
    const char* name;
    std::string request; ///< `@`: the path; `#`: the length of Second; `#+`: of a last chunk and Second
};

const std::string Get = "GET @ HTTP/1.1\r\n";
const std::string Host = "Host: bench\r\n";
const std::string Second = Get + Host + "\r\n";

std::vector<Probe> probes() {
    return {
        {"well-formed", Get + Host + "\r\n"},
        {"body of a GET is a request", Get + Host + "Content-Length: #\r\n\r\n" + Second},
        {"Content-Length and chunked",
         Get + Host + "Content-Length: #+\r\nTransfer-Encoding: chunked\r\n\r\n" + "0\r\n\r\n" + Second},
        {"two Content-Lengths", Get + Host + "Content-Length: 0\r\nContent-Length: #\r\n\r\n" + Second},
        {"Content-Length: -1", Get + Host + "Content-Length: -1\r\n\r\n"},
        {"Content-Length: +0", Get + Host + "Content-Length: +0\r\n\r\n"},
        {"Transfer-Encoding: gzip, chunked", Get + Host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        {"space before a colon", Get + Host + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
        {"folded line", Get + Host + "X-A: b\r\n c\r\n\r\n"},
        {"bare LF", "GET @ HTTP/1.1\nHost: bench\n\n"},
        {"NUL in a value", Get + Host + std::string("X-A: b\0c\r\n\r\n", 12)},
        {"no Host", Get + "\r\n"},
        {"two Hosts", Get + Host + "Host: other\r\n\r\n"},
    };
}

void replace(std::string& text, const std::string& what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

std::string completed(std::string request, const std::string& path) {
    const auto inner = Second.size() - 1 + path.size();
    replace(request, "#+", std::to_string(inner + 5)); // with the chunked body's end before it
    replace(request, "#", std::to_string(inner));
    replace(request, "@", path);
    return request;
}

/// The statuses of all answers in `bytes`.
std::string statusesOf(const std::string& bytes) {
    std::string list;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto end = bytes.find("\r\n\r\n", at);
        if (bytes.compare(at, 7, "HTTP/1.") != 0 || end == std::string::npos) return list + " and what is no answer";
        list += (list.empty() ? "" : " ") + bytes.substr(at + 9, 3);
        const std::string head = bytes.substr(at, end - at);
        const auto length = head.find("Content-Length: ");
        if (length == std::string::npos) break; // its body goes to the end
        at = end + 4 + std::stoul(head.substr(length + 16));
    }
    return list.empty() ? "no answer" : list;
}

std::string outcome(const Server& server, const std::string& request) {
    RawClient client(server.port);
    client.send(completed(request, server.path));
    std::string bytes;
    pollfd waiting{client.descriptor(), POLLIN, 0};
    while (::poll(&waiting, 1, Silence) == 1) {
        std::string more;
        try {
            more = client.readSome(65536);
        } catch (const std::exception&) {
            // a reset is an end, too
        }
        if (more.empty()) return statusesOf(bytes) + ", closed";
        bytes += more;
    }
    return statusesOf(bytes);
}

Server parse(const std::string& argument) {
    const auto equals = argument.find('=');
    const auto slash = argument.find('/');
    if (equals == std::string::npos || slash == std::string::npos || slash < equals)
        throw std::runtime_error("not NAME=PORT/PATH: " + argument);
    const int port = std::stoi(argument.substr(equals + 1));
    return {argument.substr(0, equals), static_cast<std::uint16_t>(port), argument.substr(slash)};
}

} // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::cerr << "usage: dubious_requests NAME=PORT/PATH…\n";
        return 64;
    }
    try {
        std::vector<Server> servers;
        for (int i = 1; i < count; ++i)
            servers.push_back(parse(arguments[i]));
        std::cout << "| request |";
        for (const auto& server : servers)
            std::cout << ' ' << server.name << " |";
        std::cout << "\n|---|";
        for (std::size_t i = 0; i < servers.size(); ++i)
            std::cout << "---|";
        for (const auto& probe : probes()) {
            std::cout << "\n| " << probe.name << " |";
            for (const auto& server : servers)
                std::cout << ' ' << outcome(server, probe.request) << " |" << std::flush;
        }
        std::cout << '\n';
    } catch (const std::exception& error) {
        std::cerr << "dubious_requests: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
