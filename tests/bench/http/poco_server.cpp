// SPDX-License-Identifier: Apache-2.0
// One file over HTTP as Poco's server gives it: what wasm-proxy's data plane would be with Poco alone.
//   poco_server PORT FILE memory|sendfile THREADS
// On SIGTERM it stops as Poco means it to be stopped and says how long that took.
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/ThreadPool.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

using namespace Poco::Net;

class FileHandler : public HTTPRequestHandler {
public:
    /// `content` null: from the file each time.
    FileHandler(const std::string& path, const std::string* content) : _path(path), _content(content) {}
    void handleRequest(HTTPServerRequest&, HTTPServerResponse& response) override {
        if (_content == nullptr) {
            response.sendFile(_path, "application/wasm");
            return;
        }
        response.setContentType("application/wasm");
        response.sendBuffer(_content->data(), _content->size());
    }

private:
    const std::string& _path;
    const std::string* _content;
};

class FileHandlerFactory : public HTTPRequestHandlerFactory {
public:
    FileHandlerFactory(std::string path, bool fromMemory) : _path(std::move(path)), _fromMemory(fromMemory) {
        std::ifstream file(_path, std::ios::binary);
        if (!file) throw std::runtime_error("cannot read " + _path);
        _content.assign(std::istreambuf_iterator<char>(file), {});
    }
    HTTPRequestHandler* createRequestHandler(const HTTPServerRequest&) override {
        return new FileHandler(_path, _fromMemory ? &_content : nullptr);
    }

private:
    std::string _path;
    std::string _content;
    bool _fromMemory;
};

int serve(const std::string& port, const std::string& path, bool fromMemory, int threads) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    Poco::ThreadPool pool(2, threads);
    // Poco's defaults (60 s for a request, 15 s idle), but room for all who wait.
    HTTPServerParams::Ptr parameters = new HTTPServerParams;
    parameters->setMaxThreads(threads);
    parameters->setMaxQueued(16384);
    ServerSocket socket;
    socket.bind(SocketAddress("127.0.0.1:" + port), true);
    socket.listen(4096);
    HTTPServer server(new FileHandlerFactory(path, fromMemory), pool, socket, parameters);
    server.start();

    int signal = 0;
    sigwait(&ends, &signal);
    const auto start = std::chrono::steady_clock::now();
    server.stop();
    server.stopAll(true);
    pool.stopAll();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%.1f\n", took.count());
    return 0;
}

} // namespace

int main(int count, char** arguments) {
    const std::string mode = count == 5 ? arguments[3] : "";
    if (mode != "memory" && mode != "sendfile") {
        std::cerr << "usage: poco_server PORT FILE memory|sendfile THREADS\n";
        return 64;
    }
    try {
        return serve(arguments[1], arguments[2], mode == "memory", std::stoi(arguments[4]));
    } catch (const Poco::Exception& error) {
        std::cerr << "poco_server: " << error.displayText() << '\n';
    } catch (const std::exception& error) {
        std::cerr << "poco_server: " << error.what() << '\n';
    }
    return 1;
}
