// SPDX-License-Identifier: Apache-2.0
#include "admin/HttpListener.h"

#include "admin/AdminTls.h"
#include "admin/OpenConnections.h"
#include "admin/ReceivedBody.h"
#include "admin/RequestRules.h"
#include "admin/StopSignal.h"
#include "observe/Log.h"
#include "wasmproxy/oci/Error.h"

#include <Poco/File.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/HTTPServerResponseImpl.h>
#include <Poco/Net/HTTPServerSession.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Net/TCPServerConnectionFactory.h>
#include <Poco/ThreadPool.h>
#include <atomic>
#include <cstring>
#include <fstream>
#include <poll.h>
#include <random>
#include <sys/socket.h>

namespace wasmproxy::host {

namespace net = Poco::Net;

namespace {

// Poco's dispatcher may miss its own wake-up at stop and then sleeps this long; its default is ten seconds.
constexpr int DispatcherIdle = 200; // ms
constexpr std::size_t LingerBytes = 256 * 1024;
constexpr std::chrono::milliseconds LingerTime{500};
constexpr std::uint64_t SlowestSend = 64 * 1024; // bytes per second

net::SocketAddress addressOf(const HttpListener::Options& options) {
    const std::size_t colon = options.listen.rfind(':');
    try {
        const std::string host = options.listen.substr(0, colon);
        if (colon == std::string::npos || host.empty() || (host[0] != '[' && host.find(':') != std::string::npos))
            throw Poco::InvalidArgumentException("no port");
        const net::IPAddress address(host[0] == '[' ? host.substr(1, host.size() - 2) : host);
        const std::string digits = options.listen.substr(colon + 1);
        if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos ||
            std::stoul(digits) > 65535)
            throw Poco::InvalidArgumentException("no port");
        return {address, static_cast<Poco::UInt16>(std::stoul(digits))};
    } catch (const Poco::Exception&) {
        throw Error(ErrorCode::SettingsInvalid,
                    options.name + ": '" + options.listen + "' is not an address and a port",
                    "write it as 127.0.0.1:8081 or [::1]:8081");
    }
}

const char* reasonOf(int status) {
    return net::HTTPResponse::getReasonForStatus(static_cast<net::HTTPResponse::HTTPStatus>(status)).c_str();
}

/// As the other side would write it, also where a socket of IPv6 serves IPv4.
std::string textOf(const net::IPAddress& address) {
    const std::string text = address.toString();
    return address.isIPv4Mapped() ? text.substr(text.rfind(':') + 1) : text;
}

std::uint64_t randomStart() {
    std::random_device device;
    return static_cast<std::uint64_t>(device()) << 32 | device();
}

} // namespace

struct HttpListener::State {
    State(Options given, AdminAdmit admits)
        : options(std::move(given)), address(addressOf(options)), admit(std::move(admits)), ids(randomStart()) {}

    const Options options;
    const net::SocketAddress address;
    const AdminAdmit admit;
    std::atomic<std::uint64_t> ids;
    StopSignal stopping;
    OpenConnections open;
    std::unique_ptr<Poco::ThreadPool> pool;
    std::unique_ptr<net::TCPServer> server;
};

class HttpListener::Connection : public net::TCPServerConnection {
public:
    Connection(const net::StreamSocket& socket, State& state, net::HTTPServerParams::Ptr params)
        : net::TCPServerConnection(socket), _state(state), _params(std::move(params)) {}

    void run() override {
        const net::StreamSocket plain = socket(); // what TLS is spoken over
        OpenConnections::Watched watched(_state.open, plain, _state.options.headLimit);
        char id[17];
        std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(_state.ids++));
        AdminRequest request;
        request.requestId = id;
        request.stop = &_state.stopping;
        Admission admission;
        ReceivedBody body;
        AdminAnswer answer;
        // The one catch at the edge: whatever a handler or Poco's parser throws becomes an answer.
        try {
            socket().setSendTimeout(Poco::Timespan(2, 0));
            if (_state.options.tls) socket() = _state.options.tls->accept(plain);
            if (!read(request, admission, body, watched)) return;
            watched.allow(_state.options.answerLimit);
            answer = admission.refusal ? *admission.refusal : admission.handler(request);
        } catch (const RequestRefusal& refusal) {
            answer = AdminAnswer::refusal(refusal.status, "REQUEST_INVALID", refusal.message, id);
        } catch (const net::MessageException& e) {
            answer = AdminAnswer::refusal(400, "REQUEST_INVALID", "the request's head is malformed", id);
        } catch (const net::NetException& e) {
            return; // cut, or the client went, or it speaks no TLS
        } catch (const Poco::TimeoutException&) {
            return;
        } catch (const Poco::SyntaxException&) {
            answer = AdminAnswer::refusal(400, "REQUEST_INVALID", "the request's head is malformed", id);
        } catch (...) {
            answer = AdminAnswer::ofException(request);
        }
        body.remove();
        watched.allow(_state.options.answerLimit);
        if (answer.status >= 400 && answer.status != 503)
            log(LogLevel::Information, "request refused",
                {{"request", id},
                 {"caller", request.caller},
                 {"path", request.path},
                 {"status", std::to_string(answer.status)}});
        try {
            send(request, answer, watched);
            if (_state.options.tls) sayGoodbye(plain);
        } catch (const Poco::Exception&) {
            return; // the client went
        }
        linger(plain);
    }

private:
    /// The session is to close the socket only after the answer.
    struct Detached {
        net::HTTPServerSession& session;
        ~Detached() { session.detachSocket(); }
    };

    bool read(AdminRequest& request, Admission& admission, ReceivedBody& body, OpenConnections::Watched& watched) {
        net::HTTPServerSession session(socket(), _params);
        const Detached detached{session};
        if (!session.hasMoreRequests()) return false;
        request.caller = textOf(socket().peerAddress().host());
        net::HTTPServerResponseImpl response(session);
        net::HTTPServerRequestImpl received(response, session, _params);
        AdminHead head = readRequest(received, request);
        _headOnly = request.method == "HEAD";
        head.localAddress = textOf(socket().address().host());
        head.secure = _state.options.tls != nullptr;
        if (head.secure) head.certificateNames = AdminTls::namesOf(net::SecureStreamSocket(socket()));
        admission = _state.admit(head, request);
        if (admission.refusal || !head.hasBody()) return true;
        watched.allow(admission.bodyLimit);
        if (head.expectsContinue) sendAll("HTTP/1.1 100 Continue\r\n\r\n");
        if (admission.bodyToFile)
            request.bodyFile = body.readToFile(received.stream(), *head.length, _state.options.uploadDirectory);
        else
            request.body = ReceivedBody::read(received.stream(), *head.length);
        return true;
    }

    void send(const AdminRequest& request, const AdminAnswer& answer, OpenConnections::Watched& watched) {
        std::ifstream file;
        std::uint64_t size = answer.body.size();
        if (!answer.file.empty()) {
            file.open(answer.file, std::ios::binary);
            size = Poco::File(answer.file).getSize();
        }
        std::string out =
            "HTTP/1.1 " + std::to_string(answer.status) + " " + reasonOf(answer.status) +
            "\r\nContent-Type: " + answer.contentType +
            (answer.status == 304 ? "" : "\r\nContent-Length: " + std::to_string(size)) +
            "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: " + request.requestId +
            "\r\nConnection: close\r\n";
        for (const auto& [name, value] : answer.headers)
            out += name + ": " + value + "\r\n";
        out += "\r\n";
        const bool withBody = !_headOnly && answer.status != 304;
        if (withBody && answer.file.empty()) out += answer.body;
        sendAll(out);
        if (withBody && file.is_open()) sendFile(file, size, watched);
    }

    void sendAll(std::string_view bytes) {
        while (!bytes.empty()) {
            const int count = socket().sendBytes(bytes.data(), static_cast<int>(bytes.size()), MSG_NOSIGNAL);
            if (count <= 0) throw net::NetException("the client went");
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    void sendFile(std::ifstream& file, std::uint64_t size, OpenConnections::Watched& watched) {
        watched.allow(_state.options.answerLimit + std::chrono::seconds(size / SlowestSend));
        std::vector<char> piece(64 * 1024);
        for (std::uint64_t done = 0; done < size;) {
            file.read(piece.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(piece.size(), size - done)));
            if (file.gcount() <= 0) throw net::NetException("the file became shorter"); // and the client sees it
            sendAll({piece.data(), static_cast<std::size_t>(file.gcount())});
            done += static_cast<std::uint64_t>(file.gcount());
        }
    }

    /// TLS's end of the answer. Poco would shut the socket down for both directions, and then what the client still
    /// sends resets it, except where the socket does not block.
    void sayGoodbye(net::StreamSocket plain) {
        plain.setBlocking(false);
        socket().shutdown();
    }

    /// A socket closed with unread bytes resets, and the reset may overtake the answer.
    static void linger(const net::StreamSocket& plain) {
        const int fd = plain.impl()->sockfd();
        ::shutdown(fd, SHUT_WR);
        const auto end = OpenConnections::Clock::now() + LingerTime;
        char bytes[4096];
        for (std::size_t total = 0; total < LingerBytes;) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(end - OpenConnections::Clock::now()).count();
            pollfd waiting{fd, POLLIN, 0};
            if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) != 1) return;
            const ssize_t count = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
            if (count <= 0) return;
            total += static_cast<std::size_t>(count);
        }
    }

    State& _state;
    net::HTTPServerParams::Ptr _params;
    bool _headOnly = false;
};

HttpListener::HttpListener(Options options, AdminAdmit admit)
    : _state(std::make_unique<State>(std::move(options), std::move(admit))) {}

HttpListener::~HttpListener() {
    stop();
}

void HttpListener::start() {
    class Factory : public net::TCPServerConnectionFactory {
    public:
        Factory(State& state, net::HTTPServerParams::Ptr params) : _state(state), _params(std::move(params)) {}
        net::TCPServerConnection* createConnection(const net::StreamSocket& socket) override {
            return new Connection(socket, _state, _params); // Poco owns it
        }

    private:
        State& _state;
        net::HTTPServerParams::Ptr _params;
    };

    const Options& options = _state->options;
    ReceivedBody::removeLeftovers(options.uploadDirectory);
    net::HTTPServerParams::Ptr params(new net::HTTPServerParams);
    params->setKeepAlive(false);
    params->setMaxThreads(options.threads);
    params->setMaxQueued(options.waiting);
    params->setThreadIdleTime(Poco::Timespan(0, DispatcherIdle * 1000));
    params->setTimeout(Poco::Timespan(options.headLimit.count() * 1000));
    net::ServerSocket socket;
    try {
        socket.bind(_state->address, true, false);
        socket.listen(options.waiting);
    } catch (const Poco::Exception& e) {
        throw Error(ErrorCode::SettingsInvalid,
                    options.name + ": cannot listen on " + options.listen + ": " + e.displayText(),
                    "choose another " + options.name + ", or stop what uses it");
    }
    _state->pool = std::make_unique<Poco::ThreadPool>(1, options.threads);
    _state->server = std::make_unique<net::TCPServer>(new Factory(*_state, params), *_state->pool, socket, params);
    _state->server->start();
}

void HttpListener::stop() {
    if (!_state->server) return;
    // The order that ends soon: no new connections, handlers told, sockets cut, and only then the threads joined, each
    // of which has nothing left to wait for. Poco's ThreadPool gives up after ten seconds per thread that still runs.
    _state->stopping.raise();
    _state->open.cutAll();
    _state->server->stop();
    _state->pool->joinAll();
    _state->server.reset();
    _state->pool.reset();
}

std::uint16_t HttpListener::port() const {
    return _state->server ? _state->server->port() : _state->address.port();
}

bool HttpListener::onLoopback() const {
    return _state->address.host().isLoopback();
}

} // namespace wasmproxy::host
