// SPDX-License-Identifier: Apache-2.0
#include "dataplane/Connection.h"

#include "dataplane/Serving.h"
#include "observe/Log.h"
#include "observe/Metrics.h"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

namespace wasmproxy::host {

namespace {

constexpr std::size_t ReadSize = 4 * 1024;
constexpr std::uint64_t SmallBody = 32 * 1024;
constexpr std::size_t LingerBytes = 256 * 1024;
constexpr std::chrono::seconds LingerTime{2};
// What a socket may hold unsent (TCP_NOTSENT_LOWAT). Less costs up to twice the CPU of a large body, in wake-ups. What
// the kernel has, it also delivers when this process is killed, and to an agent a body that is cut is final: the usual
// module is in its hands at once.
constexpr int LowWater = 1024 * 1024;

double seconds(EventLoop::Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

} // namespace

Connection::Connection(EventLoop& loop, int socket, const CallerAddress& address)
    : _loop(loop),
      _socket(loop.context()),
      _address(address),
      _caller(address.str()),
      _allowed(loop.serving().allowed.contains(address)) {
    _buffer.reserve(ReadSize);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &LowWater, sizeof LowWater);
    // The family only matters to operations that we do not use.
    _socket.assign(boost::asio::ip::tcp::v4(), socket);
}

void Connection::start() {
    _since = EventLoop::Clock::now();
    read();
}

void Connection::read() {
    if (_reading || _phase == Phase::Closed) return;
    const std::size_t room = _buffer.max_size() - _buffer.size();
    const std::size_t spare = _buffer.capacity() - _buffer.size();
    _reading = true;
    _socket.async_read_some(
        _buffer.prepare(std::min(room, spare >= 512 ? spare : ReadSize)),
        [self = shared_from_this()](const boost::system::error_code& ec, std::size_t size) { self->onRead(ec, size); });
}

void Connection::onRead(const boost::system::error_code& ec, std::size_t size) {
    _reading = false;
    switch (_phase) {
    case Phase::Reading:
        if (ec == boost::asio::error::operation_aborted && _loop.draining()) {
            // beginDrain() ended the wait; a request that came in meanwhile is still served.
            char byte = 0;
            if (::recv(_socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return read();
            return close();
        }
        if (ec) return close();
        if (_buffer.size() == 0) _since = EventLoop::Clock::now();
        _buffer.commit(size);
        return process();
    case Phase::Sending: // an answer to half a head is on its way out; what comes is not a request
        return;
    case Phase::Lingering:
        _lingered += size;
        if (ec || _lingered > LingerBytes) return close();
        return read();
    case Phase::Waiting:
    case Phase::Closed:
        return;
    }
}

void Connection::process() {
    const auto bytes = _buffer.cdata();
    if (serveKnown({static_cast<const char*>(bytes.data()), bytes.size()})) return;
    switch (_gate.scan(static_cast<const char*>(bytes.data()), bytes.size())) {
    case RequestGate::Verdict::More:
        return read();
    case RequestGate::Verdict::Malformed:
        _plainStatus = true;
        return refuse(400, _gate.reason());
    case RequestGate::Verdict::TooLarge:
        return refuse(431, "the request's head is longer than 16 KiB");
    case RequestGate::Verdict::Complete:
        break;
    }
    const char* problem = readHead({static_cast<const char*>(bytes.data()), _gate.headSize()}, _head);
    // Consumed bytes stay where they are until something is read again.
    const std::string_view head(static_cast<const char*>(bytes.data()), _gate.headSize());
    _buffer.consume(_gate.headSize());
    _gate.reset();
    if (problem) {
        _plainStatus = true;
        return refuse(400, problem);
    }
    _asked = head;
    serve();
    _asked = {};
}

void Connection::begin() {
    endBody();
    _parked.reset();
    _loop.serving().answers.begin();
    _answering = true;
    _requestedAt = _since = EventLoop::Clock::now();
}

/// The same bytes were answered from memory a moment ago, and nothing has changed since: false otherwise.
bool Connection::serveKnown(std::string_view bytes) {
    if (!_allowed || _loop.draining() || _gate.headSize() != 0) return false;
    const KnownRequest* known = _loop.known().find(bytes);
    if (!known) return false;
    auto content = known->content.lock();
    Serving& serving = _loop.serving();
    if (!content) return false;
    begin();
    // Who has to wait does it the usual way.
    const bool large = known->body.empty() && known->length > SmallBody;
    if ((large && !admitBody(known->length)) || !serving.modules.again(*known->terms, _caller)) {
        if (_body.rest > 0) serving.bodies.left(_body.rest);
        _body = {};
        _answering = false;
        serving.answers.end();
        return false;
    }
    _buffer.consume(bytes.size());
    serving.nextRequestId(_requestId);
    ++_request;
    _mustClose = false;
    _target.surface = known->surface;
    serving.metrics.cacheAnswer("hit");
    _phase = Phase::Sending;
    _status = 200;
    _takenBefore = 0;
    std::uint64_t length = known->length;
    std::string_view body = known->body;
    if (!large) {
        length = 0;
        if (body.empty()) { // there was no room to keep it
            std::string& bytesRead = _loop.bodyScratch();
            bytesRead.resize(known->length);
            if (content->read(0, bytesRead.data(), known->length) != known->length) {
                close();
                return true;
            }
            body = bytesRead;
        }
        content.reset();
    }
    progressed(_sender.start(_socket.native_handle(), {statusLine(_status), known->headers, body}, std::move(content),
                             0, length));
    return true;
}

void Connection::serve() {
    Serving& serving = _loop.serving();
    begin();
    if (_head.requestId.empty())
        serving.nextRequestId(_requestId);
    else
        _requestId = _head.requestId;
    _phase = Phase::Waiting;
    _mustClose = !_head.keepAlive;
    const std::uint64_t request = ++_request;
    try {
        _target = RequestTarget();
        _target.surface = RequestTarget::surfaceOf(_head.target);
        if (!_allowed) {
            _mustClose = true;
            try {
                _target = RequestTarget::parse(_head.target); // so that it can be said what was asked for
            } catch (const Error&) {
                // Then it is the path.
            }
            throw Error(ErrorCode::CallerRefused, "the caller's address is not in allow-from",
                        "add its network to dataplane.allow-from if it may read every routed module");
        }
        if (_head.method == RequestHead::Method::Other)
            throw Error(ErrorCode::MethodUnsupported, "only GET and HEAD are served");
        _target = RequestTarget::parse(_head.target);
        const Caller caller{_requestId, _caller, _head.trace};
        const auto callback = [loop = _loop.weak_from_this(), self = weak_from_this(), request](ModuleResult result) {
            if (const auto here = loop.lock()) here->deliver(self, request, std::move(result));
        };
        if (_target.reference)
            serving.modules.byReference(*_target.reference, _target.secret, caller, callback);
        else if (!_target.url.empty())
            serving.modules.byUrl(_target.url, _target.secret, caller, callback);
        else if (!_target.extension.empty())
            serving.modules.byExtension(_target.extension, _target.digest, caller, callback);
        else if (_target.module)
            serving.modules.bySha256(*_target.module, caller, callback);
        else
            throw Error(ErrorCode::ModuleUnknown, "nothing is served under this path",
                        "modules are at /fetch/<base64 of oci://…>, /extensions/<name>.wasm and "
                        "/modules/sha256/<hex>.wasm");
    } catch (const Error& error) {
        answered(request, error);
    } catch (const std::exception& e) {
        answered(request, Error(ErrorCode::Internal, e.what()));
    }
}

void Connection::answered(std::uint64_t request, ModuleResult result) noexcept {
    if (_phase != Phase::Waiting || request != _request) return;
    try {
        if (auto* module = std::get_if<ServedModule>(&result))
            sendModule(std::move(*module));
        else
            sendError(std::get<Error>(result));
    } catch (const std::exception& e) {
        log(LogLevel::Error, "an answer could not be made",
            {{"request", _requestId}, {"trace", _head.trace.traceId()}, {"cause", e.what()}});
        close();
    }
}

void Connection::sendModule(ServedModule module) {
    if (!module.content || module.content->descriptor() < 0)
        return sendError(Error(ErrorCode::Internal, "the module has no descriptor to send it from"));
    Representation representation;
    representation.size = module.content->size();
    representation.sha256 = module.module.hex();
    representation.manifest = module.manifest.str();
    representation.cache = module.cache;
    representation.immutable = _target.module || _target.digest || (_target.reference && _target.reference->digest());
    const AnswerPlan plan = planAnswer(_head, representation, _requestId);
    if (plan.length > SmallBody && !admitBody(plan.length)) {
        _parked = std::make_unique<ServedModule>(std::move(module));
        _loop.park(shared_from_this());
        return;
    }
    if (plan.status < 400) {
        _loop.serving().metrics.cacheAnswer(module.cache == CacheResult::Hit    ? "hit"
                                            : module.cache == CacheResult::Miss ? "miss"
                                                                                : "stale");
    } else {
        refused(Error(ErrorCode::RangeInvalid, "no byte of Range: " + _head.range), plan.status);
    }
    if (module.terms && !_asked.empty()) remember(plan, module);
    sendPlan(plan, std::move(module.content));
}

/// Only what the next one with the same bytes is to be sent as well, byte for byte.
void Connection::remember(const AnswerPlan& plan, const ServedModule& module) {
    if (plan.status != 200 || _head.method != RequestHead::Method::Get || _head.http10 || _mustClose ||
        !_head.requestId.empty() || !_head.trace.empty() || plan.length == 0)
        return;
    KnownRequest known{std::string(_asked), _target.surface, plan.headers + "\r\n", {},
                       module.content,      plan.length,     module.terms};
    if (known.length <= SmallBody) {
        known.body.resize(known.length);
        if (module.content->read(0, known.body.data(), known.length) != known.length) return;
    }
    _loop.known().remember(std::move(known));
}

void Connection::sendError(const Error& error) {
    const AnswerPlan plan = planError(_head, error, _requestId);
    refused(error, plan.status);
    sendPlan(plan, nullptr);
}

void Connection::refused(const Error& error, int status) const {
    logRefusal(traitsOf(error.code()).name, status, error.what(), error.hint());
    if (const auto& onError = _loop.serving().options.onError) onError(described(), _caller, _requestId, error);
}

void Connection::refuse(int status, const char* message) {
    Serving& serving = _loop.serving();
    begin();
    serving.nextRequestId(_requestId);
    _target = RequestTarget();
    _head = RequestHead();
    if (!_allowed) {
        _mustClose = true;
        return sendError(Error(ErrorCode::CallerRefused, "the caller's address is not in allow-from"));
    }
    logRefusal("REQUEST_INVALID", status, message, {});
    sendPlan(planRefusal(status, message, _requestId), nullptr);
}

std::string Connection::described() const {
    if (_target.reference) return _target.reference->str();
    if (_target.module) return _target.module->str();
    // What signs a url is in its query.
    if (!_target.url.empty()) return _target.url.substr(0, std::min<std::size_t>(_target.url.find('?'), 256));
    return _head.target.substr(0, 256);
}

void Connection::logRefusal(const char* code, int status, const std::string& cause, const std::string& hint) const {
    log(status >= 500 ? LogLevel::Warning : LogLevel::Information, "request refused",
        {{"request", _requestId},
         {"trace", _head.trace.traceId()},
         {"caller", _caller},
         {"reference", described()},
         {"status", std::to_string(status)},
         {"code", code},
         {"cause", cause},
         {"hint", hint}});
}

/// The answer's first lines, in the loop's scratch.
std::string& Connection::statusLine(int status) {
    std::string& out = _loop.scratch();
    if (status == 200 && !_plainStatus) {
        out = "HTTP/1.1 200 OK\r\n";
    } else {
        out = _plainStatus ? "HTTP/1.0 " : "HTTP/1.1 ";
        out += std::to_string(status);
        out += ' ';
        out += reasonPhrase(status);
        out += "\r\n";
    }
    out += _loop.date();
    out += "X-Request-Id: ";
    out += _requestId;
    out += "\r\n";
    return out;
}

void Connection::sendPlan(const AnswerPlan& plan, std::shared_ptr<Blob> content) {
    _status = plan.status;
    _mustClose = _mustClose || plan.mustClose || _loop.draining();
    _phase = Phase::Sending;
    _since = EventLoop::Clock::now();
    _takenBefore = 0;

    std::string& out = statusLine(plan.status);
    out += plan.headers;
    if (_mustClose)
        out += "Connection: close\r\n";
    else if (_head.http10)
        out += "Connection: keep-alive\r\n";
    out += "\r\n";
    out += plan.text;

    std::uint64_t length = plan.length;
    if (length > 0 && length <= SmallBody) {
        const std::size_t head = out.size();
        out.resize(head + length);
        for (std::size_t done = 0; done < length;) {
            const std::size_t count = content->read(plan.offset + done, &out[head + done], length - done);
            if (count == 0) throw Error(ErrorCode::StorageFault, "the module's content ends early");
            done += count;
        }
        length = 0;
    }
    if (length == 0) content.reset();
    progressed(_sender.start(_socket.native_handle(), {out}, std::move(content), plan.offset, length));
}

void Connection::progressed(AnswerSender::Progress progress) {
    switch (progress) {
    case AnswerSender::Progress::Blocked:
    case AnswerSender::Progress::Yield:
        _socket.async_wait(Socket::wait_write, [self = shared_from_this()](const boost::system::error_code& ec) {
            if (self->_phase != Phase::Sending) return;
            if (ec) return self->close();
            self->progressed(self->_sender.advance(self->_socket.native_handle()));
        });
        return;
    case AnswerSender::Progress::Failed:
        return close();
    case AnswerSender::Progress::Done:
        break;
    }
    finishAnswer(true);
    lookAtBody(EventLoop::Clock::now());
    if (_mustClose) return linger();
    _phase = Phase::Reading;
    _since = EventLoop::Clock::now();
    if (_buffer.size() == 0) return _loop.draining() ? close() : read();
    // The next request is here already. Others first: a pipelining client has no more rights than they have.
    boost::asio::post(_loop.context(), [self = shared_from_this()] {
        if (self->_phase == Phase::Reading && !self->_reading) self->process();
    });
}

void Connection::finishAnswer(bool complete) noexcept {
    if (!_answering) return;
    _answering = false;
    Serving& serving = _loop.serving();
    serving.metrics.bytesSent(static_cast<double>(_sender.sent()));
    _sender.release();
    // 499, nginx's number: the client went before its answer did.
    serving.metrics.request(nameOf(_target.surface), complete ? _status : 499,
                            seconds(EventLoop::Clock::now() - _requestedAt));
    serving.answers.end();
}

bool Connection::admitBody(std::uint64_t length) {
    const auto now = EventLoop::Clock::now();
    if (!_loop.serving().bodies.admit(length, now - _requestedAt)) return false;
    _body = {length, 0, false, now};
    _loop.watchBodies();
    return true;
}

bool Connection::staysParked(EventLoop::Clock::time_point now, bool& full) {
    if (_phase != Phase::Waiting || !_parked) return false;
    if (now - _requestedAt >= _loop.serving().options.bodyHold) {
        _parked.reset();
        answered(_request, Error(ErrorCode::Busy, "the link carries no more bodies in time; waited for a turn",
                                 "more replicas share the load; see dataplane.body-batches"));
        return false;
    }
    if (full) return true;
    const auto module = std::move(_parked);
    answered(_request, *module);
    full = _parked != nullptr; // and parked anew
    return false;
}

bool Connection::lookAtBody(EventLoop::Clock::time_point now) {
    if (_body.rest == 0) return false;
    int waiting = 0;
    if (::ioctl(_socket.native_handle(), SIOCOUTQ, &waiting) != 0 || waiting < 0) waiting = 0;
    const std::uint64_t sent = _sender.sent();
    const auto queued = static_cast<std::uint64_t>(waiting);
    const std::uint64_t all = _body.arrived + _body.rest;
    const std::uint64_t arrived = std::min(sent > queued ? sent - queued : 0, all);
    BodyAdmission& bodies = _loop.serving().bodies;
    if (arrived > _body.arrived) {
        bodies.arrived(arrived - _body.arrived, !_body.aside);
        _body.arrived = arrived;
        _body.rest = all - arrived;
    }
    if (_body.rest > 0 && !_body.aside && bodies.isSlow(_body.rest, _body.arrived, now - _body.since)) {
        bodies.setAside(_body.rest);
        _body.aside = true;
    }
    return _body.rest > 0;
}

void Connection::endBody() noexcept {
    if (_body.rest == 0) return;
    BodyAdmission& bodies = _loop.serving().bodies;
    // Who asks again has all of it; who is gone has left the rest.
    if (_phase != Phase::Closed)
        bodies.arrived(_body.rest, !_body.aside);
    else if (!_body.aside)
        bodies.left(_body.rest);
    _body = {};
}

void Connection::linger() {
    // A socket that is closed with unread bytes resets, and a reset may overtake the answer: read to the client's end.
    boost::system::error_code ec;
    _socket.shutdown(Socket::shutdown_send, ec);
    if (ec) return close();
    _phase = Phase::Lingering;
    _since = EventLoop::Clock::now();
    if (_reading) return;
    _buffer.consume(_buffer.size());
    read();
}

void Connection::sweep(EventLoop::Clock::time_point now) {
    const DataPlaneOptions& options = _loop.serving().options;
    const auto age = now - _since;
    switch (_phase) {
    case Phase::Reading:
        if (_buffer.size() == 0) {
            if (age > options.idleTimeout) close();
        } else if (age > options.headerTimeout) {
            refuse(408, "the request's head did not arrive in time");
        }
        return;
    case Phase::Waiting: {
        if (age > options.waitLimit)
            return answered(_request, Error(ErrorCode::DeadlineExceeded, "the module service gave no answer"));
        char byte = 0;
        const ssize_t peeked = ::recv(_socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        // An end of file may be a client that only closed its sending half; a reset is one that is gone.
        if (peeked < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) close();
        return;
    }
    case Phase::Sending: {
        if (age < options.sendRateWindow) return;
        const std::uint64_t taken = takenByClient();
        if (static_cast<double>(taken - _takenBefore) < static_cast<double>(options.minSendRate) * seconds(age))
            return close();
        _takenBefore = taken;
        _since = now;
        return;
    }
    case Phase::Lingering:
        if (age > LingerTime) close();
        return;
    case Phase::Closed:
        return;
    }
}

std::uint64_t Connection::takenByClient() {
    // What waits in the socket is megabytes on a fast network: not counted, or a client that takes nothing looks busy.
    int waiting = 0;
    if (::ioctl(_socket.native_handle(), SIOCOUTQ, &waiting) != 0 || waiting < 0) waiting = 0;
    const std::uint64_t sent = _sender.sent();
    const auto queued = static_cast<std::uint64_t>(waiting);
    return std::max(_takenBefore, sent > queued ? sent - queued : 0);
}

void Connection::beginDrain() {
    if (_phase != Phase::Reading || _buffer.size() != 0) return;
    boost::system::error_code ec;
    _socket.cancel(ec); // onRead() decides
}

void Connection::close() noexcept {
    if (_phase == Phase::Closed) return;
    const auto self = shared_from_this();
    _phase = Phase::Closed;
    lookAtBody(EventLoop::Clock::now());
    endBody();
    finishAnswer(false);
    boost::system::error_code ec;
    _socket.close(ec);
    _loop.remove(*this);
}

} // namespace wasmproxy::host
