// SPDX-License-Identifier: Apache-2.0
#include "dataplane/Acceptor.h"

#include "dataplane/AnswerPlan.h"
#include "dataplane/Serving.h"
#include "observe/Log.h"
#include "observe/Metrics.h"
#include "wasmproxy/oci/Error.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <future>
#include <netinet/tcp.h>
#include <string_view>
#include <unistd.h>

namespace wasmproxy::host {

namespace {

constexpr int Backlog = 4096;
constexpr int Batch = 64; // accepted at most before other work of the loop
constexpr std::chrono::milliseconds BackOffTime{100};

std::string overloadedAnswer() {
    const AnswerPlan plan = planError({}, Error(ErrorCode::Busy, "too many connections"), "");
    return "HTTP/1.1 " + std::to_string(plan.status) + " " + reasonPhrase(plan.status) + "\r\n" + plan.headers +
           "Connection: close\r\n\r\n" + plan.text;
}

boost::asio::ip::tcp::endpoint endpointOf(const std::string& listen) {
    const Error wrong(ErrorCode::SettingsInvalid, "listen: '" + listen + "' is not an address and a port",
                      "write it as 127.0.0.1:8080 or [::1]:8080");
    const std::size_t colon = listen.rfind(':');
    if (colon == std::string::npos) throw wrong;
    std::string host = listen.substr(0, colon);
    const std::string digits = listen.substr(colon + 1);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(host, ec);
    if (ec || address.is_v6() != bracketed || digits.empty() || digits.size() > 5 ||
        digits.find_first_not_of("0123456789") != std::string::npos || std::stoul(digits) > 65535)
        throw wrong;
    return {address, static_cast<std::uint16_t>(std::stoul(digits))};
}

/// For what leaves the machine the congestion control is the system's. Over loopback there is no network to be careful
/// of, and where the system's is BBR its timers, one for each 64 KiB, are most of what a large body costs. A refusal
/// does no harm. Accepted sockets inherit it.
void avoidPacing(int listener) noexcept {
    constexpr std::string_view Unpaced = "reno"; // in every kernel, allowed for everybody
    ::setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, Unpaced.data(), Unpaced.size());
}

} // namespace

Acceptor::Acceptor(const std::string& listen, std::vector<std::shared_ptr<EventLoop>> loops)
    : _loops(std::move(loops)),
      _serving(_loops.front()->serving()),
      _listener(_loops.front()->context()),
      _backOff(_loops.front()->context()),
      _overloaded(overloadedAnswer()) {
    const auto endpoint = endpointOf(listen);
    try {
        _listener.open(endpoint.protocol());
        _listener.set_option(boost::asio::socket_base::reuse_address(true));
        if (endpoint.address().is_v6()) _listener.set_option(boost::asio::ip::v6_only(false));
        if (endpoint.address().is_loopback()) avoidPacing(_listener.native_handle());
        _listener.bind(endpoint);
        _listener.listen(Backlog);
        _listener.native_non_blocking(true);
        _port = _listener.local_endpoint().port();
    } catch (const boost::system::system_error& e) {
        throw Error(ErrorCode::SettingsInvalid, "cannot listen on " + listen + ": " + e.code().message(),
                    "choose another dataplane.listen, or stop what uses it");
    }
}

void Acceptor::start() {
    boost::asio::post(_loops.front()->context(), [this] { wait(); });
}

void Acceptor::stop() {
    std::promise<void> closed;
    boost::asio::post(_loops.front()->context(), [this, &closed] {
        if (_listener.is_open()) {
            while (acceptSome()) {
            } // who is in the backlog has been told that the connection stands
            boost::system::error_code ec;
            _listener.close(ec);
            _backOff.cancel();
        }
        closed.set_value();
    });
    closed.get_future().wait();
}

void Acceptor::wait() {
    _listener.async_wait(boost::asio::socket_base::wait_read, [this](const boost::system::error_code& ec) {
        if (ec || !_listener.is_open()) return;
        acceptSome();
        if (_starved)
            backOff();
        else
            wait();
    });
}

bool Acceptor::acceptSome() {
    for (int i = 0; i < Batch; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const int socket = ::accept4(_listener.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) {
            if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
            const bool starved = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (starved && !_starved)
                log(LogLevel::Warning, "cannot accept connections for now",
                    {{"cause", std::strerror(errno)}, {"hint", "raise the limit of open files"}});
            _starved = starved;
            return false;
        }
        _starved = false;
        const CallerAddress caller(address);
        if (!_serving.limits.acquire(caller)) {
            refuse(socket);
            continue;
        }
        _loops[_next++ % _loops.size()]->adopt(socket, caller);
    }
    return true;
}

void Acceptor::refuse(int socket) {
    // One try that costs nothing: whoever does not get the words gets the end of the connection, and both are retried.
    static_cast<void>(::send(socket, _overloaded.data(), _overloaded.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    ::shutdown(socket, SHUT_WR);
    ::close(socket);
    _serving.metrics.request("other", 503, 0);
}

void Acceptor::backOff() {
    // The listener stays readable while descriptors are short, so waiting for it would spin.
    _backOff.expires_after(BackOffTime);
    _backOff.async_wait([this](const boost::system::error_code& ec) {
        if (ec || !_listener.is_open()) return;
        _starved = false;
        wait();
    });
}

} // namespace wasmproxy::host
